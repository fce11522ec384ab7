// Rows as GGUF or safetensors store them, to panels of blocks (cpu/compact/block.h); and back to floats.
//   traffic  every byte once each way; a task is one panel
#include "cpu/compact/compact_isa.h"
#include "cpu/compact/product.h"
#include "cpu/linear/transpose.h"

HE_ISA_BEGIN

// Where a block's parts go: `halves` 16-bit constants of each output, then `bytes` bytes of each, [byte][output]. Sixteen-bit types are one value an input instead.
struct Parts {
  int64_t halves, bytes;
};

static Parts parts(CompactType type) {
  switch (type) {
    case CompactType::q8_0:
      return {1, 32};
    case CompactType::q4_0:
      return {1, 16};
    case CompactType::q4_1:
      return {2, 16};
    default:
      return {kSide, 0};
  }
}

void compact_pack(const Resources& r, CompactType type, const uint8_t* source, int64_t outputs, int64_t inputs, uint8_t* packed) {
  const Parts p = parts(type);
  // Four bits around 8 become signed ones.
  const uint8_t flip = type == CompactType::q4_0 ? 0x88 : 0;
  const int64_t block = compact_block_bytes(type), row = inputs / kSide * block, panel_size = panel_bytes(type, inputs);
  r.pool.parallel_for((outputs + kPanel - 1) / kPanel, [=](int64_t panel) {
    uint8_t* to = packed + panel * panel_size;
    const int64_t first = panel * kPanel, width = outputs - first < kPanel ? outputs - first : kPanel;
    // Outputs that are not there are zeros: constants of 0 make every value 0.
    if (width < kPanel) memset(to, 0, static_cast<size_t>(panel_size));
    for (int64_t k = 0; k < inputs / kSide; ++k, to += square_bytes(type))
      for (int64_t o = 0; o < width; ++o) {
        const uint8_t* from = source + (first + o) * row + k * block;
        for (int64_t h = 0; h < p.halves; ++h) memcpy(to + 2 * (h * kSide + o), from + 2 * h, 2);
        for (int64_t b = 0; b < p.bytes; ++b) to[2 * p.halves * kSide + b * kSide + o] = static_cast<uint8_t>(from[2 * p.halves + b] ^ flip);
      }
  });
}

void compact_unpack(const Resources& r, const CompactWeight& w, float* destination, int64_t destination_stride) {
  r.scratch.reserve(compact_scratch(w.inputs));
  r.pool.parallel_for((w.outputs + kPanel - 1) / kPanel, [&](int64_t panel, int worker) {
    const int64_t first = panel * kPanel, width = w.outputs - first < kPanel ? w.outputs - first : kPanel;
    float* wide = r.scratch.of(worker);
    with_block(w.type, [&](auto block) { widen<decltype(block)>(w.data + panel * panel_bytes(w.type, w.inputs), w.inputs, wide); });
    transpose(wide, kPanel, w.inputs, width, destination + first * destination_stride, destination_stride);
  });
}

HE_ISA_END
