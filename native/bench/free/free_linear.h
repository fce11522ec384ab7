// Float32 products without the promise of batch invariance, for AVX-512: what it costs is the difference.
#pragma once
#include "cpu/linear/linear.h"

namespace he::bench {

struct FreeLinear {
  cpu::LinearKernels chain;  // the same kernels, each sum one chain
  // The inner dimension shared out over the threads. y [rows, outputs] = x [rows, inputs] W^T.
  void (*forward_split)(const Resources&, const float* x, int64_t rows, int64_t inputs, const float* w, int64_t outputs, float* y);
};

FreeLinear free_linear_kernels();

}  // namespace he::bench
