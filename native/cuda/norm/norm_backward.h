// Gradients of a normalisation: of its rows, and of its weight and bias. Contract: INormKernels. Sums of columns, which the bias of a product shares.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

constexpr int kNormBackwardThreads = 128;

/// dSum = inverse (g - mean(g) - h mean(g h)), g = dy (w + offset), h = (sum - mean) inverse; root mean square has no mean(g).
struct NormBackwardArguments {
  Global<const float> dy, sum;         ///< [rows, width], a row every stride
  Global<const float> weight;          ///< [width]
  Global<const float> statistics;      ///< [rows, 2] from the forward: mean and 1/root
  Global<float> d_sum;                 ///< [rows, width]; may be dy
  long long dy_stride, sum_stride, d_sum_stride, statistics_stride;
  int width;
  int layer;                           ///< 0: root mean square; 1: mean and variance
  int accumulate;                      ///< 1: added to what d_sum holds
  float weight_offset;
};

constexpr int kNormBackwardShared = 2 * (kNormBackwardThreads / 32) * 4;

/// Grid: (rows). kNormBackwardThreads threads.
HE_KERNEL(kNormBackwardThreads) norm_backward_f32(NormBackwardArguments a);

/// Rows are summed in chunks of this many from the first on, each from zero, added ascending.
constexpr int kRowChunk = 64;
constexpr int kColumnSumWarps = 8;

/// d_bias[c] += sum over r of dy[r, c]; d_weight[c] += sum over r of dy[r, c] (sum[r, c] - mean[r]) inverse[r].
struct ColumnSumArguments {
  Global<const float> dy;              ///< [rows, width]
  Global<const float> sum, statistics; ///< as above; with d_weight only
  Global<float> d_weight, d_bias;      ///< [width], added to; either may be none
  long long dy_stride, sum_stride, statistics_stride;
  int rows, width;
};

constexpr int kColumnSumShared = 2 * kColumnSumWarps * 32 * 4;

/// Grid: (ceil(width / 32)). kColumnSumWarps * 32 threads.
HE_KERNEL(kColumnSumWarps * 32) column_sums_f32(ColumnSumArguments a);

}  // namespace he::cuda
