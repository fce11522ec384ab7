// Embedding exports.
#include "abi/guard.h"
#include "core/context.h"

using he::guard;
using he::require;

extern "C" {

he_status he_embed(he_context* ctx, const int32_t* ids, int64_t tokens, const float* table, int64_t vocabulary, int64_t width, float scale, int32_t offset, float* y,
                   int64_t y_stride, int32_t accumulate) {
  return guard([&] {
    require(tokens >= 0 && width >= 0, "embed: tokens and width must be 0 or more");
    require(tokens == 0 || vocabulary > 0, "embed: the table has no rows");
    ctx->isa.kernels.embedding.embed(ctx->resources(), ids, tokens, table, vocabulary, width, scale, offset, y, y_stride, accumulate != 0);
  });
}

he_status he_embed_backward(he_context* ctx, const int32_t* ids, int64_t tokens, const float* dy, int64_t dy_stride, float* dtable, int64_t vocabulary, int64_t width,
                            float scale, int32_t offset) {
  return guard([&] {
    require(tokens >= 0 && width >= 0, "embed_backward: tokens and width must be 0 or more");
    require(tokens == 0 || vocabulary > 0, "embed_backward: the table has no rows");
    ctx->isa.kernels.embedding.embed_backward(ctx->resources(), ids, tokens, dy, dy_stride, dtable, vocabulary, width, scale, offset);
  });
}

he_status he_gather_rows(he_context* ctx, const float* x, int64_t x_stride, int64_t n, const int32_t* rows, int64_t count, int64_t width, float* y, int64_t y_stride) {
  return guard([&] {
    require(count >= 0 && width >= 0, "gather_rows: count and width must be 0 or more");
    require(count == 0 || n > 0, "gather_rows: x has no rows");
    ctx->isa.kernels.embedding.gather_rows(ctx->resources(), x, x_stride, n, rows, count, width, y, y_stride);
  });
}

he_status he_scatter_add_rows(he_context* ctx, const float* x, int64_t x_stride, const int32_t* rows, int64_t count, int64_t width, float* y, int64_t y_stride,
                              int64_t n) {
  return guard([&] {
    require(count >= 0 && width >= 0, "scatter_add_rows: count and width must be 0 or more");
    require(count == 0 || n > 0, "scatter_add_rows: y has no rows");
    ctx->isa.kernels.embedding.scatter_add_rows(ctx->resources(), x, x_stride, rows, count, width, y, y_stride, n);
  });
}

}  // extern "C"
