// Optimizer family: AdamW and the squared norm, over flat arrays.
#pragma once
#include <cstdint>

namespace he::cpu {

struct AdamW {
  float* parameter;
  const float* gradient;
  float* m;
  float* v;
  float decay;          // 1 - learning rate * weight decay
  float blend1;         // 1 - beta1
  float keep2, blend2;  // beta2, 1 - beta2
  float step;           // learning rate / (1 - beta1^t)
  float root_scale;     // 1 / sqrt(1 - beta2^t)
  float epsilon;
  const float* gradient_scale;  // [1] or null
};

inline constexpr int64_t kNormElements = 4096;  // elements of one partial sum of squares (docs/numerics.md)

struct OptimizerKernels {
  void (*adamw)(const AdamW&, int64_t begin, int64_t end);
  // The same over the parameter of a weight in panels, pairs [begin, end) of the inputs of one panel, and its bf16 copy (cpu/narrow/narrow.h) in the same pass.
  void (*adamw_copy)(const AdamW&, int64_t panel, int64_t inputs, int64_t begin, int64_t end, uint16_t* copy);
  // Sum of squares of n <= kNormElements elements.
  double (*sum_of_squares)(const float* x, int64_t n);
};

}  // namespace he::cpu
