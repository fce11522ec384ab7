// Rows of a compact table by index; indices outside are clamped, so that memory stays safe.
//   traffic  sixteen outputs are widened for one row of them: 64 bytes and more for every value, 32 KiB a token of width 512
#include "cpu/compact/compact_isa.h"
#include "cpu/compact/product.h"

HE_ISA_BEGIN

void compact_embed(const Resources& r, const int32_t* ids, int64_t tokens, const CompactWeight& table, float scale, int32_t offset, float* y, int64_t y_stride,
                   bool accumulate) {
  const int64_t bytes = panel_bytes(table.type, table.inputs);
  r.pool.parallel_for(tokens, [&](int64_t t) {
    const int64_t wanted = int64_t{ids[t]} + offset, id = wanted < 0 ? 0 : wanted < table.outputs ? wanted : table.outputs - 1;
    const int64_t inside = id % kCompactOutputs, lane = inside / kLanes * kLanes;
    const uint8_t* panel = table.data + id / kCompactOutputs * bytes;
    float* to = y + t * y_stride;
    with_block(table.type, [&](auto b) {
      using Block = decltype(b);
      float wide[kSide * kPanel];  // sixteen outputs of 32 inputs
      for (int64_t k = 0; k < table.inputs; k += kSide) {
        if constexpr (Block::kHasQuads) {
          widen_square<Block>(panel, k / kSide, lane, wide);
        } else {
          for (int64_t i = 0; i < kSide; ++i) store(wide + i * kPanel, Block::value(panel + k * compact_sizes(Block::kType).packed, i, lane));
        }
        for (int64_t i = 0; i < kSide; ++i) {
          const float scaled = scale * wide[i * kPanel + inside - lane];
          to[k + i] = accumulate ? scaled + to[k + i] : scaled;
        }
      }
    });
  });
}

HE_ISA_END
