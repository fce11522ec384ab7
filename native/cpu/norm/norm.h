// Norm family: RMSNorm and LayerNorm of rows, with the residual sum in front, and their gradients.
#pragma once
#include <cstdint>

namespace he::cpu {

struct NormForward {
  int64_t width;
  const float* x;  // [rows, width], strides in elements
  int64_t x_stride;
  const float* residual;  // or null
  int64_t residual_stride;
  const float* weight;  // [width]
  const float* bias;    // [width] or null
  bool centred;         // LayerNorm; else RMSNorm
  float epsilon;
  float weight_offset;
  float* sum;  // or null
  int64_t sum_stride;
  float* y;
  int64_t y_stride;
  float* statistics;  // [rows, 2]: mean, 1/sqrt(...); or null
  int64_t statistics_stride;
};

struct NormBackward {
  int64_t rows, width;
  const float* dy;
  int64_t dy_stride;
  const float* sum;
  int64_t sum_stride;
  const float* weight;
  const float* statistics;
  int64_t statistics_stride;
  bool centred;
  float weight_offset;
  float* d_sum;
  int64_t d_sum_stride;
  bool accumulate;
  float* partials;  // [ceil(rows / kNormChunk), 2, width]: each chunk's part of dWeight and dBias; or null when neither is wanted
};

inline constexpr int64_t kNormChunk = 64;  // rows whose weight gradients are summed in order before the tree (docs/numerics.md)

struct NormKernels {
  void (*forward)(const NormForward&, int64_t row_begin, int64_t row_end);
  void (*backward)(const NormBackward&, int64_t chunk);
  // Adds the tree over chunks of partials[.][which] to d, columns [begin, end); the partials are used up.
  void (*combine)(float* partials, int64_t chunks, int64_t width, int which, float* d, int64_t begin, int64_t end);
};

}  // namespace he::cpu
