// Linear family: y = x W^T, its gradients, and the packed weight layout.
#pragma once
#include <cstdint>

#include "core/resources.h"

namespace he::cpu {

// Packed weights: panels of kPanel outputs; P[o / kPanel][k][o % kPanel], outputs padded with zeros to a whole panel.
inline constexpr int64_t kPanel = 32;

// Strides count elements from one row to the next. Sums follow docs/numerics.md whatever the threads.
struct LinearKernels {
  void (*pack)(const Resources&, const float* source, int64_t source_stride, int64_t outputs, int64_t inputs, float* packed);
  void (*unpack)(const Resources&, const float* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride);
  // y [rows, outputs] = x [rows, inputs] W^T + bias, or += with accumulate; bias may be null.
  void (*forward)(const Resources&, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const float* w, int64_t outputs, const float* bias, float* y,
                  int64_t y_stride, bool accumulate);
  // dx [rows, inputs] = dy [rows, outputs] W, or += with accumulate.
  void (*backward_input)(const Resources&, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const float* w, int64_t inputs, float* dx,
                         int64_t dx_stride, bool accumulate);
  // dw (packed) += dy^T x; dbias [outputs] += sum over rows of dy, or null.
  void (*backward_weight)(const Resources&, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs, int64_t outputs,
                          float* dw, float* dbias);
  // destination = w + scale * (b a), a [rank, inputs], b [outputs, rank]; destination may be w.
  void (*merge_lora)(const Resources&, const float* w, int64_t outputs, int64_t inputs, const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                     int64_t rank, float scale, float* destination);
};

}  // namespace he::cpu
