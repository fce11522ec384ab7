// Rows of a compact table by index; indices outside are clamped, so that memory stays safe.
//   traffic  sixteen outputs are widened for one row of them: 64 bytes and more for every value, 32 KiB a token of width 512
#include "cpu/compact/block.h"
#include "cpu/compact/compact_isa.h"

HE_ISA_BEGIN

template <class Block, int Part>
static void embed_part(const uint8_t* square, int64_t lane, int64_t lane_in, const Constants& c, float scale, float* to, bool accumulate) {
  for (int64_t i = 0; i < kSide / Block::kParts; ++i) {
    float sixteen[kLanes];
    store(sixteen, Block::template value<Part>(square, i, lane, c));
    const float value = scale * sixteen[lane_in];
    to[i] = accumulate ? value + to[i] : value;
  }
}

void compact_embed(const Resources& r, const int32_t* ids, int64_t tokens, const CompactWeight& table, float scale, int32_t offset, float* y, int64_t y_stride,
                   bool accumulate) {
  const int64_t bytes = panel_bytes(table.type, table.inputs);
  r.pool.parallel_for(tokens, [&](int64_t t) {
    const int64_t wanted = int64_t{ids[t]} + offset, id = wanted < 0 ? 0 : wanted < table.outputs ? wanted : table.outputs - 1;
    const int64_t inside = id % kCompactOutputs, lane = inside / kLanes * kLanes;
    const uint8_t* square = table.data + id / kCompactOutputs * bytes;
    float* to = y + t * y_stride;
    with_block(table.type, [&](auto b) {
      using Block = decltype(b);
      for (int64_t k = 0; k < table.inputs; k += kSide, square += square_bytes(table.type)) {
        const Constants c = Block::begin(square, lane);
        embed_part<Block, 0>(square, lane, inside - lane, c, scale, to + k, accumulate);
        if constexpr (Block::kParts == 2) embed_part<Block, 1>(square, lane, inside - lane, c, scale, to + k + kSide / 2, accumulate);
      }
    });
  });
}

HE_ISA_END
