// AdamW, the squared norm of many gradients, the clip coefficient. Contract: IOptimizerKernels.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

constexpr int kOptimizerThreads = 256;
/// Elements of a block of AdamW, and of one partial sum of squares (docs/numerics.md).
constexpr int kAdamWElements = 4 * kOptimizerThreads, kNormElements = 4096;

/// Constants of a step, computed on the host in float64: decay = 1 - lr wd, blend1 = 1 - beta1, keep2 = beta2, blend2 = 1 - beta2, step = lr / (1 - beta1^t), root_scale = 1 / sqrt(1 - beta2^t).
struct AdamWArguments {
  Global<float> parameter, m, v;         ///< [count]
  Global<const float> gradient;          ///< [count]
  Global<const float> gradient_scale;    ///< [1], or none (1)
  Global<bf16> copy;                     ///< [count] the parameters rounded, or none
  long long count;
  float decay, blend1, keep2, blend2, step, root_scale, epsilon;
};

/// Partial sums of one tensor: partial[i] of elements 4096 i and on. Tensors of one norm lie one after another in `partial`.
struct SquaredNormArguments {
  Global<const float> x;                 ///< [count]
  Global<double> partial;                ///< [ceil(count / 4096)]
  long long count;
};

struct SumPartialsArguments {
  Global<const double> partial;          ///< [count]
  Global<double> result;                 ///< [1]
  long long count;
};

struct ClipArguments {
  Global<const double> squared_norm;     ///< [1]
  Global<float> coefficient;             ///< [1]
  double max_norm;
};

/// Shared memory of squared_norm and sum_partials.
constexpr int kSumShared = kOptimizerThreads / 32 * 8;

/// Grid: (ceil(count / kAdamWElements)). kOptimizerThreads threads.
HE_KERNEL(kOptimizerThreads) adamw(AdamWArguments a);
/// Grid: (ceil(count / kNormElements)). kOptimizerThreads threads.
HE_KERNEL(kOptimizerThreads) squared_norm(SquaredNormArguments a);
/// Grid: (1). kOptimizerThreads threads.
HE_KERNEL(kOptimizerThreads) sum_partials(SumPartialsArguments a);
/// Grid: (1). 32 threads.
HE_KERNEL(32) clip_coefficient(ClipArguments a);

}  // namespace he::cuda
