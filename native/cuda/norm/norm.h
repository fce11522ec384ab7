// Normalisation of rows, with the residual sum before it. Contract: INormKernels.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

constexpr int kNormThreads = 128;

/// T is float or bf16: the type of every row; weights and statistics are float32. Rows begin every stride elements.
template <class T>
struct NormArguments {
  Global<const T> x;               ///< [rows, width]
  Global<const T> residual;        ///< [rows, width], or none
  Global<const float> weight;      ///< [width]
  Global<const float> bias;        ///< [width], or none
  Global<T> sum;                   ///< [rows, width]: x + residual, rounded to T; needed with a residual
  Global<T> y;                     ///< [rows, width]
  Global<float> statistics;        ///< [rows, 2]: mean and 1/root; or none
  long long x_stride, residual_stride, sum_stride, y_stride, statistics_stride;
  int width;
  int layer;                       ///< 0: root mean square; 1: mean and variance
  float epsilon;
  float weight_offset;             ///< added to every weight
};

/// Shared memory a block needs.
constexpr int kNormShared = 2 * (kNormThreads / 32) * 4;

/// Grid: (rows). kNormThreads threads.
HE_KERNEL(kNormThreads) norm_f32(NormArguments<float> a);
HE_KERNEL(kNormThreads) norm_bf16(NormArguments<bf16> a);

}  // namespace he::cuda
