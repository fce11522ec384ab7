// The int8 product kernel: MR rows times a panel of 32 outputs.
//   maths    y[r][o] (+)= sum over units u of (sum over the unit's inputs q_w q_x) * d_w[o, u] d_x[r, u] + m_w[o, u] (d_x sum q_x)[r, u]  (+ bias[o])
//   order    units of 16 or 32 inputs ascending: the integer sum is exact; acc = fma(sum, d_w * d_x, acc), then acc = fma(m, scaled sum, acc) where there are minima
//   operands weights from a Source: a compact block, its fields cut out in registers, or an expanded panel; activations as int8_rows.h has them
// 8 vpdpbusd, one multiplication and one fma share two ports: 80 % of the instruction's roof is the most that a scale for each block of both operands allows.
#pragma once
#include "cpu/narrow/dot.h"
#include "cpu/narrow/int8_rows.h"

HE_ISA_BEGIN

struct Int8Tile {
  const uint8_t* panel;
  const int32_t* records;  // of this block of rows
  int64_t squares;         // inputs / 32
  float* c;
  int64_t c_row;
  int64_t columns;    // of the panel that exist
  const float* bias;  // [columns] or null
  bool accumulate;
};

// A panel with its fields cut out once for many rows: of a square, bytes [8][output][4], then for each unit float32 d [output] and, with minima, m [output].
template <int Units, bool Minimum>
struct ExpandedBlock {
  static constexpr int kUnits = Units;
  static constexpr bool kHasMinimum = Minimum;
  static constexpr int64_t kNumbers = kSide * kSide, kUnitBytes = (Minimum ? 2 : 1) * kSide * 4, kBytes = kNumbers + Units * kUnitBytes;
  static inline Square square(const uint8_t* panel, int64_t s) { return {nullptr, panel + s * kBytes}; }
  static inline const float* unit(const uint8_t* own, int u) { return reinterpret_cast<const float*>(own + kNumbers + u * kUnitBytes); }
  template <int Unit>
  static inline Constants constants(Square s, int64_t lane) {
    const float* d = unit(s.own, Unit) + lane;
    return {load(d), Minimum ? load(d + kSide) : zero()};
  }
  template <int G>
  static inline Quad quad(Square s, int64_t lane) { return load_quad(s.own + (G * kSide + lane) * 4); }
};

// One square's share of a tile.
template <class Source, int MR>
struct Int8Square {
  static constexpr int kVectors = 2;
  static constexpr int64_t kRow = record_words(Source::kUnits), kRecord = kRow * MR;

  template <int G>
  static inline __attribute__((always_inline)) void quad(Square s, const int32_t* record, I16 (&sum)[MR][kVectors]) {
    const Bytes w[kVectors] = {bytes_of(Source::template quad<G>(s, 0)), bytes_of(Source::template quad<G>(s, kLanes))};
#pragma GCC unroll 6
    for (int r = 0; r < MR; ++r) {
      const Word a = splat_word(record + r * kRow + G);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sum[r][v] = dot(sum[r][v], w[v], a);
    }
  }

  template <int Unit>
  static inline __attribute__((always_inline)) void unit(Square s, const int32_t* record, V16 (&acc)[MR][kVectors]) {
    constexpr int kFirst = Unit * 4;
    I16 sum[MR][kVectors];
#pragma GCC unroll 6
    for (int r = 0; r < MR; ++r) {
      const I16 first = splat_int(record[r * kRow + kQuads + Unit]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sum[r][v] = first;
    }
    quad<kFirst>(s, record, sum);
    quad<kFirst + 1>(s, record, sum);
    quad<kFirst + 2>(s, record, sum);
    quad<kFirst + 3>(s, record, sum);
    if constexpr (Source::kUnits == 1) {
      quad<4>(s, record, sum);
      quad<5>(s, record, sum);
      quad<6>(s, record, sum);
      quad<7>(s, record, sum);
    }
    const float* scales = reinterpret_cast<const float*>(record) + kQuads + Source::kUnits;
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      const Constants c = Source::template constants<Unit>(s, v * kLanes);
#pragma GCC unroll 6
      for (int r = 0; r < MR; ++r) {
        acc[r][v] = fma(to_floats(sum[r][v]), c.d * splat(scales[r * kRow]), acc[r][v]);
        if constexpr (Source::kHasMinimum) acc[r][v] = fma(c.m, splat(scales[r * kRow + 1 + Unit]), acc[r][v]);
      }
    }
  }
};

// Sums to C: + bias, + C. Whole panels without masks: a tile of 576 inputs takes a thousand cycles, and its end is a part of them.
template <int MR>
static inline __attribute__((always_inline)) void finish(const Int8Tile& t, V16 (&acc)[MR][2]) {
  const int64_t row = t.c_row;
  float* c = t.c;
  if (t.columns >= 2 * kLanes) {
    if (t.bias != nullptr) {
      const V16 lo = load(t.bias), hi = load(t.bias + kLanes);
#pragma GCC unroll 6
      for (int r = 0; r < MR; ++r) {
        acc[r][0] = acc[r][0] + lo;
        acc[r][1] = acc[r][1] + hi;
      }
    }
    if (t.accumulate) {
#pragma GCC unroll 6
      for (int r = 0; r < MR; ++r) {
        acc[r][0] = acc[r][0] + load(c + r * row);
        acc[r][1] = acc[r][1] + load(c + r * row + kLanes);
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < MR; ++r, c += row) {
      store(c, acc[r][0]);
      store(c + kLanes, acc[r][1]);
    }
    return;
  }
  const int64_t first = least(kLanes, t.columns), second = t.columns - first;
  const V16 lo = t.bias != nullptr ? load_n(t.bias, first) : zero(), hi = t.bias != nullptr ? load_n(t.bias + first, second) : zero();
#pragma GCC unroll 6
  for (int r = 0; r < MR; ++r, c += row) {
    V16 a = acc[r][0], b = acc[r][1];
    if (t.bias != nullptr) {
      a = a + lo;
      b = b + hi;
    }
    store_n(c, t.accumulate ? a + load_n(c, first) : a, first);
    store_n(c + first, t.accumulate ? b + load_n(c + first, second) : b, second);
  }
}

template <class Source, int MR>
static __attribute__((noinline)) void int8_tile(const Int8Tile& t) {
  using Part = Int8Square<Source, MR>;
  constexpr int kVectors = Part::kVectors;
  V16 acc[MR][kVectors];
#pragma GCC unroll 6
  for (int r = 0; r < MR; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) acc[r][v] = zero();
  const int32_t* record = t.records;
#pragma GCC unroll 1
  for (int64_t i = 0; i < t.squares; ++i, record += Part::kRecord) {
    const Square s = Source::square(t.panel, i);
    Part::template unit<0>(s, record, acc);
    if constexpr (Source::kUnits == 2) Part::template unit<1>(s, record, acc);
  }
  finish<MR>(t, acc);
}

HE_ISA_END
