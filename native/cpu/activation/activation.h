// Activation family: element-wise non-linearities, gated products and scaled sums, on runs of contiguous elements.
#pragma once
#include <cstdint>

namespace he::cpu {

enum class Activation : int32_t { kRelu = 0, kSilu = 1, kGelu = 2, kGeluTanh = 3 };

struct ActivationKernels {
  void (*activate)(Activation, const float* x, float* y, int64_t n);
  void (*activate_backward)(Activation, const float* x, const float* dy, float* dx, int64_t n);
  void (*gate)(Activation, const float* gate, const float* up, float* y, int64_t n);
  void (*gate_backward)(Activation, const float* gate, const float* up, const float* dy, float* d_gate, float* d_up, int64_t n);
  void (*axpby)(float alpha, const float* x, float beta, float* y, int64_t n);
  void (*scale_columns)(const float* x, const float* scale, const float* offset, float* y, int64_t n);  // offset may be null
};

}  // namespace he::cpu
