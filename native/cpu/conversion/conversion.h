// Conversion family: casts between float types, and GGUF's blocks of 32 values.
#pragma once
#include <cstdint>

namespace he::cpu {

// The numbers of HybridEngine.Core.DType.
enum class Element : int32_t { kFloat32 = 0, kBFloat16 = 1, kFloat16 = 2, kQ8_0 = 7, kQ4_0 = 8, kQ4_1 = 9 };

struct ConversionKernels {
  // n values of whole units; source and destination do not overlap.
  void (*convert)(Element from, const uint8_t* source, Element to, uint8_t* destination, int64_t n);
};

}  // namespace he::cpu
