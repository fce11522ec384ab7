// How 32 outputs times the inputs of a block of a compact weight lie in memory, and how sixteen outputs of them become floats.
// What belongs to one output in a file stands beside the same of its 31 neighbours. Inputs are handled in squares of 32 x 32, in quads of four inputs (cpu/compact/quad.h).
//   16 bits      [input][output]
//   bytes        [quad][output][4]
//   nibbles      [quad < 4][output][4]: inputs 4 quad + j in the low halves, 16 more in the high ones
//   two bits     [quad / 4][output][4]: quad % 4 says which two bits of byte j
//   one bit      [output][4]: quad says which bit of byte j
// Numbers lie unsigned, as dot products of bytes want them; `offset` is what they are more than the values' factors. In squares, but for K types' d and dmin, which begin a block of 256:
//   q8_0   float16 d;        bytes, offset 128                                       x = (u - 128) d
//   q4_0   float16 d;        nibbles, offset 8                                       x = (u - 8) d
//   q4_1   float16 d, m;     nibbles                                                 x = u d + m
//   q2_k   float16 d, dmin;  bytes s [input / 16]; two bits                          x = u (d low(s)) - dmin high(s)
//   q3_k   float16 d;        int8 s [input / 16]; two bits, one bit; offset 4        x = (u - 4) (d s)
//   q4_k   float16 d, dmin;  bytes s, m; nibbles                                     x = u (d s) - dmin m
//   q5_k   float16 d, dmin;  bytes s, m; nibbles, one bit                            x = u (d s) - dmin m
//   q6_k   float16 d;        int8 s [input / 16]; nibbles, two bits; offset 32       x = (u - 32) (d s)
// Each value is exact or rounded once, as the formats' formulas round it: products have 23 bits at most, and a minimum is taken in by one fma.
#pragma once
#include "cpu/compact/compact.h"
#include "cpu/compact/narrow.h"
#include "cpu/compact/quad.h"

HE_ISA_BEGIN

static constexpr int64_t kSide = kCompactBlock;  // a square is 32 x 32
static constexpr int kQuads = 8;                 // of a square
static constexpr int64_t kHalf = 2 * kSide;      // bytes of a float16 of every output
static constexpr int64_t kNibbles = kSide * kSide / 2, kTwoBits = kSide * kSide / 4, kOneBit = kSide * kSide / 8;  // bytes of a square's fields

// Of sixteen outputs: a value is its number times d, plus m.
struct Constants {
  V16 d, m;
};

// -dmin; a zero gets the other sign too, so that q d - 0 has the sign that the formats' subtraction gives it.
static inline V16 negative_half(const uint8_t* p) { return load_float16(p) * splat(-1.0f); }

// Fields of sixteen outputs: `p` is the field's first byte in the square plus four times the first output.
template <int G>
static inline Quad nibbles(const uint8_t* p) {
  return field<G < 4 ? 0 : 4>(load_quad(p + G % 4 * 4 * kSide), 15);
}
// At bit `To` of the byte.
template <int G, int To>
static inline Quad two_bits(const uint8_t* p) {
  return field<G % 4 * 2 - To>(load_quad(p + G / 4 * 4 * kSide), 3 << To);
}
template <int G, int To>
static inline Quad one_bit(const uint8_t* p) {
  return field<G - To>(load_quad(p), 1 << To);
}

// A square: where its block begins, and where it does.
struct Square {
  const uint8_t* block;
  const uint8_t* own;
};

// 16-bit weights are read an input at a time.
template <CompactType Type, V16 (*Load)(const uint8_t*)>
struct HalfWidthBlock {
  static constexpr CompactType kType = Type;
  static constexpr bool kHasQuads = false;
  static inline V16 value(const uint8_t* square, int64_t i, int64_t lane) { return Load(square + 2 * (i * kSide + lane)); }
};
using BFloat16Block = HalfWidthBlock<CompactType::bfloat16, load_bfloat16>;
using Float16Block = HalfWidthBlock<CompactType::float16, load_float16>;

// The others: kUnits, scales of an output in a square (1, or 2 for inputs 0 to 15 and 16 to 31); kOffset; kHasMinimum; constants(), of a unit; quad(), numbers.
template <CompactType Type, int Units, int Offset, bool Minimum, int64_t Header, int64_t SquareBytes>
struct QuadBlock {
  static constexpr CompactType kType = Type;
  static constexpr bool kHasQuads = true;
  static constexpr int kUnits = Units, kOffset = Offset;
  static constexpr bool kHasMinimum = Minimum;
  static constexpr bool kWholeBytes = Type == CompactType::q8_0;  // quads lie as products take them
  static constexpr int64_t kHeader = Header, kSquareBytes = SquareBytes, kSquares = compact_sizes(Type).values / kSide, kBytes = Header + kSquares * SquareBytes;
  static constexpr int64_t kLines = (SquareBytes + 63) / 64;  // of a cache, in a square
  static_assert(kBytes == kSide * compact_sizes(Type).packed);
  static inline Square square(const uint8_t* panel, int64_t s) {
    const uint8_t* block = panel + s / kSquares * kBytes;
    return {block, block + kHeader + s % kSquares * kSquareBytes};
  }
};

struct Q8Block : QuadBlock<CompactType::q8_0, 1, 128, false, 0, kHalf + kSide * kSide> {
  template <int Unit>
  static inline Constants constants(Square s, int64_t lane) { return {load_float16(s.own + 2 * lane), zero()}; }
  template <int G>
  static inline Quad quad(Square s, int64_t lane) { return load_quad(s.own + kHalf + (G * kSide + lane) * 4); }
};

struct Q4Block : QuadBlock<CompactType::q4_0, 1, 8, false, 0, kHalf + kNibbles> {
  template <int Unit>
  static inline Constants constants(Square s, int64_t lane) { return {load_float16(s.own + 2 * lane), zero()}; }
  template <int G>
  static inline Quad quad(Square s, int64_t lane) { return nibbles<G>(s.own + kHalf + 4 * lane); }
};

struct Q4OffsetBlock : QuadBlock<CompactType::q4_1, 1, 0, true, 0, 2 * kHalf + kNibbles> {
  template <int Unit>
  static inline Constants constants(Square s, int64_t lane) { return {load_float16(s.own + 2 * lane), load_float16(s.own + kHalf + 2 * lane)}; }
  template <int G>
  static inline Quad quad(Square s, int64_t lane) { return nibbles<G>(s.own + 2 * kHalf + 4 * lane); }
};

struct Q2KBlock : QuadBlock<CompactType::q2_k, 2, 0, true, 2 * kHalf, 2 * kSide + kTwoBits> {
  template <int Unit>
  static inline Constants constants(Square s, int64_t lane) {
    const uint8_t* scales = s.own + Unit * kSide + lane;
    return {load_float16(s.block + 2 * lane) * load_nibbles<0>(scales), negative_half(s.block + kHalf + 2 * lane) * load_nibbles<1>(scales)};
  }
  template <int G>
  static inline Quad quad(Square s, int64_t lane) { return two_bits<G, 0>(s.own + 2 * kSide + 4 * lane); }
};

struct Q3KBlock : QuadBlock<CompactType::q3_k, 2, 4, false, kHalf, 2 * kSide + kTwoBits + kOneBit> {
  template <int Unit>
  static inline Constants constants(Square s, int64_t lane) { return {load_float16(s.block + 2 * lane) * load_int8(s.own + Unit * kSide + lane), zero()}; }
  template <int G>
  static inline Quad quad(Square s, int64_t lane) {
    const uint8_t* p = s.own + 2 * kSide + 4 * lane;
    return two_bits<G, 0>(p) | one_bit<G, 2>(p + kTwoBits);
  }
};

// Q4_K and Q5_K: six-bit scales and minima.
template <CompactType Type, int64_t Fields>
struct ScaledMinimumBlock : QuadBlock<Type, 1, 0, true, 2 * kHalf, 2 * kSide + Fields> {
  template <int Unit>
  static inline Constants constants(Square s, int64_t lane) {
    return {load_float16(s.block + 2 * lane) * load_int8(s.own + lane), negative_half(s.block + kHalf + 2 * lane) * load_int8(s.own + kSide + lane)};
  }
};
struct Q4KBlock : ScaledMinimumBlock<CompactType::q4_k, kNibbles> {
  template <int G>
  static inline Quad quad(Square s, int64_t lane) { return nibbles<G>(s.own + 2 * kSide + 4 * lane); }
};
struct Q5KBlock : ScaledMinimumBlock<CompactType::q5_k, kNibbles + kOneBit> {
  template <int G>
  static inline Quad quad(Square s, int64_t lane) {
    const uint8_t* p = s.own + 2 * kSide + 4 * lane;
    return nibbles<G>(p) | one_bit<G, 4>(p + kNibbles);
  }
};

struct Q6KBlock : QuadBlock<CompactType::q6_k, 2, 32, false, kHalf, 2 * kSide + kNibbles + kTwoBits> {
  template <int Unit>
  static inline Constants constants(Square s, int64_t lane) { return {load_float16(s.block + 2 * lane) * load_int8(s.own + Unit * kSide + lane), zero()}; }
  template <int G>
  static inline Quad quad(Square s, int64_t lane) {
    const uint8_t* p = s.own + 2 * kSide + 4 * lane;
    return nibbles<G>(p) | two_bits<G, 4>(p + kNibbles);
  }
};

// Numbers as value() takes them: around 0 without a minimum.
template <class Block>
static inline Quad factors(Quad q) {
  return Block::kHasMinimum ? q : subtract(q, Block::kOffset);
}
// Input J of a quad.
template <class Block, int J>
static inline V16 value(Quad q, const Constants& c) {
  if constexpr (Block::kHasMinimum) return fma(unsigned_values<J>(q), c.d, c.m);
  return signed_values<J>(q) * c.d;
}

// f(Block{}) with the block of a type.
template <class F>
static inline void with_block(CompactType type, const F& f) {
  switch (type) {
    case CompactType::bfloat16:
      return f(BFloat16Block{});
    case CompactType::float16:
      return f(Float16Block{});
    case CompactType::q8_0:
      return f(Q8Block{});
    case CompactType::q4_0:
      return f(Q4Block{});
    case CompactType::q4_1:
      return f(Q4OffsetBlock{});
    case CompactType::q2_k:
      return f(Q2KBlock{});
    case CompactType::q3_k:
      return f(Q3KBlock{});
    case CompactType::q4_k:
      return f(Q4KBlock{});
    case CompactType::q5_k:
      return f(Q5KBlock{});
    case CompactType::q6_k:
      return f(Q6KBlock{});
  }
}

// Bytes of a panel: 32 outputs.
static inline int64_t panel_bytes(CompactType type, int64_t inputs) {
  const CompactSizes sizes = compact_sizes(type);
  return inputs / sizes.values * kCompactOutputs * sizes.packed;
}

HE_ISA_END
