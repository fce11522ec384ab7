// Embedding family: rows by index, from a packed table or from plain rows. Indices outside are clamped, so that memory stays safe.
#pragma once
#include <cstdint>

#include "core/resources.h"

namespace he::cpu {

struct EmbeddingKernels {
  // y[t] = scale * table[ids[t] + offset], or +=. table: packed, vocabulary > 0 rows of width elements.
  void (*embed)(const Resources&, const int32_t* ids, int64_t tokens, const float* table, int64_t vocabulary, int64_t width, float scale, int32_t offset, float* y,
                int64_t y_stride, bool accumulate);
  // dtable[ids[t] + offset] += scale * dy[t], tokens in order.
  void (*embed_backward)(const Resources&, const int32_t* ids, int64_t tokens, const float* dy, int64_t dy_stride, float* dtable, int64_t vocabulary, int64_t width,
                         float scale, int32_t offset);
  // y[i] = x[rows[i]], i < count; x has n rows.
  void (*gather_rows)(const Resources&, const float* x, int64_t x_stride, int64_t n, const int32_t* rows, int64_t count, int64_t width, float* y, int64_t y_stride);
  // y[rows[i]] += x[i], in order of i < count; y has n rows.
  void (*scatter_add_rows)(const Resources&, const float* x, int64_t x_stride, const int32_t* rows, int64_t count, int64_t width, float* y, int64_t y_stride, int64_t n);
};

}  // namespace he::cpu
