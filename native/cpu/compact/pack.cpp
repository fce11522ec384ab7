// Rows as GGUF or safetensors store them, to panels of blocks (cpu/compact/block.h); and back to floats.
//   traffic  every byte once each way; a task is one panel
#include "cpu/compact/compact_isa.h"
#include "cpu/compact/product.h"
#include "cpu/compact/stored_block.h"
#include "cpu/linear/transpose.h"

HE_ISA_BEGIN

namespace {

// Where the fields of a square begin; -1: the type has none.
struct Fields {
  int halves;                             // float16 constants, in the block's header for K types, in the square otherwise
  int scales;                             // bytes of an output in a square
  int64_t bytes, nibbles, two_bits, one_bit;
  int two_at, one_at;                     // the lowest bit of a number that the field holds
};

Fields fields(CompactType type) {
  switch (type) {
    case CompactType::q8_0:
      return {1, 0, kHalf, -1, -1, -1, 0, 0};
    case CompactType::q4_0:
      return {1, 0, -1, kHalf, -1, -1, 0, 0};
    case CompactType::q4_1:
      return {2, 0, -1, 2 * kHalf, -1, -1, 0, 0};
    case CompactType::q2_k:
      return {2, 2, -1, -1, 2 * kSide, -1, 0, 0};
    case CompactType::q3_k:
      return {1, 2, -1, -1, 2 * kSide, 2 * kSide + kTwoBits, 0, 2};
    case CompactType::q4_k:
      return {2, 2, -1, 2 * kSide, -1, -1, 0, 0};
    case CompactType::q5_k:
      return {2, 2, -1, 2 * kSide, -1, 2 * kSide + kNibbles, 0, 4};
    case CompactType::q6_k:
      return {1, 2, -1, 2 * kSide, 2 * kSide + kNibbles, -1, 4, 0};
    default:
      return {};
  }
}

// The 32 numbers of output o in a square.
void write_numbers(const Fields& f, const uint8_t* number, int64_t o, uint8_t* square) {
  for (int quad = 0; quad < kQuads; ++quad) {
    const uint8_t* n = number + 4 * quad;
    uint8_t* to = square + 4 * o;
    for (int j = 0; j < 4; ++j) {
      if (f.bytes >= 0) to[f.bytes + quad * 4 * kSide + j] = n[j];
      if (f.nibbles >= 0 && quad < 4) to[f.nibbles + quad * 4 * kSide + j] = static_cast<uint8_t>((n[j] & 15) | (n[j + 16] & 15) << 4);
      if (f.two_bits >= 0) {
        uint8_t& byte = to[f.two_bits + quad / 4 * 4 * kSide + j];
        byte = static_cast<uint8_t>((quad % 4 == 0 ? 0 : byte) | (n[j] >> f.two_at & 3) << quad % 4 * 2);
      }
      if (f.one_bit >= 0) {
        uint8_t& byte = to[f.one_bit + j];
        byte = static_cast<uint8_t>((quad == 0 ? 0 : byte) | (n[j] >> f.one_at & 1) << quad);
      }
    }
  }
}

// One block of output o of a panel; `to` is where the panel's block begins.
void write_block(CompactType type, const Fields& f, const StoredBlock& b, int64_t o, uint8_t* to) {
  for (int h = 0; h < f.halves; ++h) memcpy(to + h * kHalf + 2 * o, b.halves + 2 * h, 2);
  const int squares = static_cast<int>(compact_sizes(type).values / kSide);
  if (squares == 1) return write_numbers(f, b.number, o, to);
  const bool minima = type == CompactType::q4_k || type == CompactType::q5_k;  // a scale and a minimum of 32 inputs; else two scales of 16
  const int64_t header = f.halves * kHalf, square_bytes = (kSide * compact_sizes(type).packed - header) / squares;
  for (int s = 0; s < squares; ++s) {
    uint8_t* square = to + header + s * square_bytes;
    for (int i = 0; i < f.scales; ++i) square[i * kSide + o] = minima ? b.scales[i][s] : b.scales[0][2 * s + i];
    write_numbers(f, b.number + s * kSide, o, square);
  }
}

}  // namespace

void compact_pack(const Resources& r, CompactType type, const uint8_t* source, int64_t outputs, int64_t inputs, uint8_t* packed) {
  const CompactSizes sizes = compact_sizes(type);
  const bool half_width = type == CompactType::bfloat16 || type == CompactType::float16;
  const Fields f = fields(type);
  const int64_t row = inputs / sizes.values * sizes.stored, panel_size = panel_bytes(type, inputs);
  r.pool.parallel_for((outputs + kPanel - 1) / kPanel, [=](int64_t panel) {
    uint8_t* to = packed + panel * panel_size;
    const int64_t first = panel * kPanel, width = outputs - first < kPanel ? outputs - first : kPanel;
    // Outputs that are not there are zeros: constants of 0 make every value 0.
    if (width < kPanel) memset(to, 0, static_cast<size_t>(panel_size));
    for (int64_t k = 0; k < inputs / sizes.values; ++k, to += kSide * sizes.packed)
      for (int64_t o = 0; o < width; ++o) {
        const uint8_t* from = source + (first + o) * row + k * sizes.stored;
        if (half_width) {
          for (int64_t i = 0; i < kSide; ++i) memcpy(to + 2 * (i * kSide + o), from + 2 * i, 2);
        } else {
          StoredBlock b;
          read_block(type, from, b);
          write_block(type, f, b, o, to);
        }
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
