// How 32 outputs times 32 inputs of a compact weight lie in memory, and how sixteen outputs of one input become floats.
// Parts of a block are ordered for loads of sixteen outputs: what belongs to one output in GGUF stands beside the same of its 31 neighbours.
//   16 bits      [input][output]
//   q8_0         float16 d [output], int8 [input][output]                               x = q d
//   q4_0         float16 d [output], bytes [i < 16][output]: inputs i and i + 16        x = q d, q from -8 to 7 as signed halves of a byte
//   q4_1         float16 d [output], float16 m [output], bytes as q4_0, unsigned        x = q d + m
// Each value is exact or rounded once, as the formulas of cpu/conversion/blocks.h round it: q d has 19 bits at most.
#pragma once
#include "cpu/compact/compact.h"
#include "cpu/compact/narrow.h"

HE_ISA_BEGIN

static constexpr int64_t kSide = kCompactBlock;  // a block is 32 x 32

// Bases give: kParts, runs of inputs with one way of loading; begin(): constants of sixteen outputs; value<part>(): input i of that part.
struct Constants {
  V16 d, m;
};

template <CompactType Type, V16 (*Load)(const uint8_t*)>
struct HalfWidthBlock {
  static constexpr CompactType kType = Type;
  static constexpr int kParts = 1;
  static inline Constants begin(const uint8_t*, int64_t) { return {zero(), zero()}; }
  template <int Part>
  static inline V16 value(const uint8_t* block, int64_t i, int64_t lane, const Constants&) {
    return Load(block + 2 * (i * kSide + lane));
  }
};
using BFloat16Block = HalfWidthBlock<CompactType::bfloat16, load_bfloat16>;
using Float16Block = HalfWidthBlock<CompactType::float16, load_float16>;

struct Q8Block {
  static constexpr CompactType kType = CompactType::q8_0;
  static constexpr int kParts = 1;
  static inline Constants begin(const uint8_t* block, int64_t lane) { return {load_float16(block + 2 * lane), zero()}; }
  template <int Part>
  static inline V16 value(const uint8_t* block, int64_t i, int64_t lane, const Constants& c) {
    return load_int8(block + 2 * kSide + i * kSide + lane) * c.d;
  }
};

struct Q4Block {
  static constexpr CompactType kType = CompactType::q4_0;
  static constexpr int kParts = 2;
  static inline Constants begin(const uint8_t* block, int64_t lane) { return {load_float16(block + 2 * lane), zero()}; }
  template <int Part>
  static inline V16 value(const uint8_t* block, int64_t i, int64_t lane, const Constants& c) {
    return load_signed_nibbles<Part>(block + 2 * kSide + i * kSide + lane) * c.d;
  }
};

struct Q4OffsetBlock {
  static constexpr CompactType kType = CompactType::q4_1;
  static constexpr int kParts = 2;
  static inline Constants begin(const uint8_t* block, int64_t lane) { return {load_float16(block + 2 * lane), load_float16(block + 2 * kSide + 2 * lane)}; }
  template <int Part>
  static inline V16 value(const uint8_t* block, int64_t i, int64_t lane, const Constants& c) {
    return fma(load_nibbles<Part>(block + 4 * kSide + i * kSide + lane), c.d, c.m);
  }
};

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
  }
}

static constexpr int64_t square_bytes(CompactType type) { return kSide * compact_block_bytes(type); }  // of 32 x 32
static inline int64_t panel_bytes(CompactType type, int64_t inputs) { return inputs / kSide * square_bytes(type); }

HE_ISA_END
