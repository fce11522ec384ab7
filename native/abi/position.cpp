// Position exports.
#include "cpu/position/position.h"

#include "abi/guard.h"
#include "abi/ranges.h"
#include "core/context.h"

extern "C" {

he_status he_rotary(he_context* ctx, int64_t tokens, int64_t heads, int64_t head_size, float* x, int64_t token_stride, int64_t head_stride,
                    const int32_t* positions, const float* table, int64_t table_rows, int64_t table_stride, int64_t rotary,
                    int32_t interleaved, int32_t inverse) {
  return he::guard([&] {
    he::require(ctx != nullptr, "rotary: context is null");
    he::require(tokens >= 0 && heads >= 0, "rotary: tokens and heads must not be negative");
    he::require(rotary >= 0 && rotary % 2 == 0 && rotary <= head_size, "rotary: the rotated width must be even and at most the head size");
    if (tokens == 0 || heads == 0 || rotary == 0) return;
    he::require(x != nullptr && positions != nullptr && table != nullptr && table_rows > 0,
                "rotary: x, positions and table must not be null or empty");
    const he::cpu::Rotary a{x,          token_stride, head_stride,      heads,       positions, table, table_stride,
                            table_rows, rotary,       interleaved != 0, inverse != 0};
    he::for_each_rows(ctx, tokens, heads * rotary, [&](int64_t begin, int64_t end) { ctx->isa.kernels.position.rotary(a, begin, end); });
  });
}

}  // extern "C"
