// Norm exports.
#include "cpu/norm/norm.h"

#include "abi/guard.h"
#include "abi/ranges.h"
#include "core/context.h"

extern "C" {

he_status he_norm(he_context* ctx, int64_t rows, int64_t width, const float* x, int64_t x_stride, const float* residual,
                  int64_t residual_stride, const float* weight, const float* bias, int32_t centred, float epsilon, float weight_offset,
                  float* sum, int64_t sum_stride, float* y, int64_t y_stride, float* statistics, int64_t statistics_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "norm: context is null");
    he::require(rows >= 0 && width >= 0, "norm: rows and width must not be negative");
    if (rows == 0 || width == 0) return;
    he::require(x != nullptr && weight != nullptr && y != nullptr, "norm: x, weight and y must not be null");
    he::require(residual == nullptr || sum != nullptr, "norm: a residual needs a place for the sum");
    const he::cpu::NormForward a{
        width, x,          x_stride, residual, residual_stride, weight,           bias, centred != 0, epsilon, weight_offset,
        sum,   sum_stride, y,        y_stride, statistics,      statistics_stride};
    he::for_each_rows(ctx, rows, width, [&](int64_t begin, int64_t end) { ctx->isa.kernels.norm.forward(a, begin, end); });
  });
}

he_status he_norm_backward(he_context* ctx, int64_t rows, int64_t width, const float* dy, int64_t dy_stride, const float* sum,
                           int64_t sum_stride, const float* weight, const float* statistics, int64_t statistics_stride, int32_t centred,
                           float weight_offset, float* d_sum, int64_t d_sum_stride, int32_t accumulate, float* d_weight, float* d_bias) {
  return he::guard([&] {
    he::require(ctx != nullptr, "norm backward: context is null");
    he::require(rows >= 0 && width >= 0, "norm backward: rows and width must not be negative");
    if (rows == 0 || width == 0) return;
    he::require(dy != nullptr && sum != nullptr && weight != nullptr && statistics != nullptr && d_sum != nullptr,
                "norm backward: dy, sum, weight, statistics and d_sum must not be null");
    const he::cpu::NormKernels& kernels = ctx->isa.kernels.norm;
    const int64_t chunks = (rows + he::cpu::kNormChunk - 1) / he::cpu::kNormChunk;
    float* partials = nullptr;
    if (d_weight != nullptr || d_bias != nullptr) {
      ctx->scratch.reserve(0, static_cast<size_t>(chunks * 2 * width));
      partials = ctx->scratch.shared();
    }
    const he::cpu::NormBackward a{rows,          width,  dy,           dy_stride,         sum,
                                  sum_stride,    weight, statistics,   statistics_stride, centred != 0,
                                  weight_offset, d_sum,  d_sum_stride, accumulate != 0,   partials};
    ctx->pool.parallel_for(chunks, [&](int64_t chunk) { kernels.backward(a, chunk); });
    if (partials == nullptr) return;
    constexpr int64_t kColumns = 256;
    ctx->pool.parallel_for((width + kColumns - 1) / kColumns, [&](int64_t i) {
      const int64_t begin = i * kColumns, end = std::min(width, begin + kColumns);
      if (d_weight != nullptr) kernels.combine(partials, chunks, width, 0, d_weight, begin, end);
      if (d_bias != nullptr) kernels.combine(partials, chunks, width, 1, d_bias, begin, end);
    });
  });
}

}  // extern "C"
