// The elementary functions of exp.h over arrays, so that tests and benchmarks can reach each instruction set's own copy.
#pragma once
#include <cstdint>

namespace he::cpu {

struct ElementaryKernels {
  void (*exp)(const float* x, float* y, int64_t n);
  void (*tanh)(const float* x, float* y, int64_t n);
  void (*sigmoid)(const float* x, float* y, int64_t n);
  void (*normal_cdf)(const float* x, float* y, int64_t n);
};

}  // namespace he::cpu
