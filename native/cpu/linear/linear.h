// Linear family: y = x W^T, its gradients, and the packed weight layout.
#pragma once
#include <cstdint>

namespace he::cpu {

// Packed weights: panels of kPanel outputs; P[o / kPanel][k][o % kPanel], outputs padded with zeros to a whole panel.
inline constexpr int64_t kPanel = 32;

struct LinearKernels {};

}  // namespace he::cpu
