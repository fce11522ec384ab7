// bf16 by the dot product of pairs, vdpbf16ps: two multiply-adds a lane.
//   order    per pair of inputs, ascending: a = fma(x[2i+1], w[2i+1], a), then a = fma(x[2i], w[2i], a); denormal operands and results are zero. One chain over
//            the whole sum, so it may be cut anywhere and go on from memory
//   rows     bf16, [row][pair] as they lie, rounded; from columns [block][pair][row in block]. A pair is broadcast to all lanes
//   registers  24 accumulators, 2 vectors of weights, a broadcast (12 x 32); few rows take more panels at once, to have chains enough
#pragma once
#include "cpu/linear/transpose.h"
#include "cpu/narrow/blocks.h"
#include "cpu/simd/bf16.h"

HE_ISA_BEGIN

struct DotTile {
  const uint32_t* a;
  int64_t a_row, a_step;  // words from one row to the next, and from one pair to the next
  const uint16_t* b;
  int64_t panel;
  int64_t pairs;
  float* c;
  int64_t c_row, columns;
  const float* bias;
  bool accumulate, carry_in, carry_out;
  const float* next;  // C of the tile after this one
  const char* ahead;   // of the next panel
  int64_t ahead_step;  // bytes for each pair of inputs: up to 64, or 128
};

// Columns of c that a vector covers.
static inline int64_t vector_width(const DotTile& t, int v) {
  const int64_t left = t.columns - kLanes * v;
  return left < 0 ? 0 : left > kLanes ? kLanes : left;
}

// What a tile asks for ahead of its weights: nothing, its own panels a little further on (few rows: every weight passes once, from memory), or a share of the panel
// after this one (the first blocks of rows that meet a panel, so that memory is asked at an even pace: the others find the next one in L2. The panel after a task's
// last one is the next task's first).
enum class Ahead { nothing, same_panels, next_panel };
static constexpr int64_t kColumnsAhead = 64;  // floats of a row asked for before they are packed: short pieces of many rows are no stream
static constexpr int kAhead = 1024;  // elements, 2 KiB, of each panel's stream

template <int MR, int NV, Ahead kWhat>
static __attribute__((noinline)) void dot_tile(const DotTile& t) {
  __m512 acc[MR][NV];
#pragma GCC unroll 12
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) acc[i][v] = t.carry_in ? load_n(t.c + i * t.c_row + kLanes * v, vector_width(t, v)).v : _mm512_setzero_ps();
  // What the tile after this one reads or writes. Into L2: rows of C a power of two apart would take the place of a and b in a few sets of L1.
  for (int i = 0; i < MR; ++i)
    for (int v = 0; v < NV; ++v) __builtin_prefetch(t.next + i * t.c_row + kLanes * v, 0, 2);
  // Four rows share a pointer: [p], [p + s], [p + 2s], [p + 3s] are one addressing mode each.
  const int64_t s = t.a_row, s3 = 3 * s, a_step = t.a_step;
  const uint32_t* p[3] = {t.a, t.a + 4 * s, t.a + 8 * s};
  const uint16_t* b = t.b;
  const int64_t panel = t.panel, ahead_step = t.ahead_step;
  const char* ahead = t.ahead;
#pragma GCC unroll 1
  for (int64_t k = 0; k < t.pairs; ++k) {
    if constexpr (kWhat == Ahead::next_panel) {
      __builtin_prefetch(ahead, 0, 2);
      if (ahead_step > 64) __builtin_prefetch(ahead + 64, 0, 2);
      ahead += ahead_step;
    }
    __m512bh bv[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) {
      const uint16_t* from = b + (v / 2) * panel + (v % 2) * 32;
      if constexpr (kWhat == Ahead::same_panels) __builtin_prefetch(from + kAhead);
      bv[v] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(from));
    }
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i) {
      const uint32_t* q = p[i / 4];
      const __m512bh av = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(i % 4 == 0 ? q[0] : i % 4 == 1 ? q[s] : i % 4 == 2 ? q[2 * s] : q[s3])));
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[i][v] = _mm512_dpbf16_ps(acc[i][v], av, bv[v]);
    }
#pragma GCC unroll 3
    for (int g = 0; g < (MR + 3) / 4; ++g) p[g] += a_step;
    b += 2 * kNarrowPanel;
  }
  if (t.columns >= kLanes * NV && (t.bias == nullptr || t.carry_out)) {  // whole vectors, as almost everywhere
    const bool added = t.accumulate && !t.carry_out;
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) {
        float* c = t.c + i * t.c_row + kLanes * v;
        store(c, added ? V16{acc[i][v]} + load(c) : V16{acc[i][v]});
      }
    return;
  }
#pragma GCC unroll 8
  for (int v = 0; v < NV; ++v) {
    const int64_t width = vector_width(t, v);
    const bool biased = t.bias != nullptr && !t.carry_out, added = t.accumulate && !t.carry_out;
    const V16 bias = biased ? load_n(t.bias + kLanes * v, width) : zero();
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i) {
      float* c = t.c + i * t.c_row + kLanes * v;
      V16 sum{acc[i][v]};
      if (biased) sum = sum + bias;
      if (added) sum = sum + load_n(c, width);
      store_n(c, sum, width);
    }
  }
}

// Vectors of outputs at once for few rows.
static constexpr int dot_vectors(int rows) { return rows <= 2 ? 8 : 4; }

// The next 32 values of a row (fewer at its end, then zeros), rounded: sixteen pairs.
static inline __m512i row_of_pairs(const float* x, int64_t n) {
  const V16 lower = n >= kLanes ? load(x) : load_n(x, n), upper = n >= 2 * kLanes ? load(x + kLanes) : n > kLanes ? load_n(x + kLanes, n - kLanes) : zero();
  if (no_denormals(lower, upper)) return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(upper.v, lower.v));
  const __m256i lo = _mm512_cvtepi32_epi16(_mm512_srli_epi32(round_bits(lower.v), 16)), hi = _mm512_cvtepi32_epi16(_mm512_srli_epi32(round_bits(upper.v), 16));
  return _mm512_inserti64x4(_mm512_castsi256_si512(lo), hi, 1);
}

struct Bf16Engine {
  static constexpr const char* kName = "dot";
  static constexpr const char* kVariant = "bf16-dot-v1";
  static constexpr int64_t kRows = 12;
  static constexpr bool kCarries = true;

  static int64_t row_of(int64_t rows, int64_t block) { return block_begin(rows, ceil_div(rows, kRows), block); }
  static size_t rows_floats(int64_t rows, int64_t inner) { return static_cast<size_t>(rows * row_words(inner)); }
  // An odd number of lines, so that rows do not meet in a few sets of a cache.
  static int64_t row_words(int64_t inner) { return (ceil_div(inner, 2 * kLanes) | 1) * kLanes; }

  static void pack_rows(const float* x, int64_t x_stride, const NarrowRows& a, int64_t block) {
    const int64_t end = row_of(a.rows, block + 1), length = row_words(a.inner);
    for (int64_t row = row_of(a.rows, block); row < end; ++row) {
      uint32_t* to = static_cast<uint32_t*>(a.data) + row * length;
      const float* from = x + row * x_stride;
      for (int64_t k = 0; k < a.inner; k += 2 * kLanes) _mm512_storeu_si512(to + k / 2, row_of_pairs(from + k, a.inner - k));
    }
  }

  static void pack_columns(const float* x, int64_t x_stride, const NarrowRows& a, int64_t block, int64_t begin, int64_t end) {
    const int64_t first = row_of(a.rows, block), height = row_of(a.rows, block + 1) - first;
    uint32_t* to = static_cast<uint32_t*>(a.data) + first * ((a.inner + 1) / 2) + begin / 2 * height;
    for (int64_t k = begin; k < end; k += 2, to += height) {
      const float* from = x + k * x_stride + first;
      __builtin_prefetch(from + kColumnsAhead);
      __builtin_prefetch(from + x_stride + kColumnsAhead);
      store_words(to, pairs(load_n(from, height), k + 1 < a.inner ? load_n(from + x_stride, height) : zero()), height);
    }
  }

  static void product(const NarrowRows& a, int64_t first, int64_t end, int64_t from, int64_t to, const NarrowProduct& p, bool carry_in, bool carry_out) {
    const int64_t row0 = row_of(a.rows, first), length = a.columns ? (a.inner + 1) / 2 : row_words(a.inner);
    auto at = [&](int64_t row, int64_t height, int64_t column) {
      DotTile t;
      t.a_row = a.columns ? 1 : length;
      t.a_step = a.columns ? height : 1;
      t.a = static_cast<const uint32_t*>(a.data) + row * length + from / 2 * t.a_step;
      t.b = p.b + column / kNarrowPanel * p.panel + column % kNarrowPanel * 2 + from * kNarrowPanel;
      t.panel = p.panel;
      t.pairs = (to - from + 1) / 2;
      t.c = p.c + (row - row0) * p.c_row + column;
      t.c_row = p.c_row;
      t.columns = p.columns - column;
      t.bias = p.bias != nullptr ? p.bias + column : nullptr;
      t.accumulate = p.accumulate;
      t.carry_in = carry_in;
      t.carry_out = carry_out;
      t.next = t.c;
      t.ahead = nullptr;
      t.ahead_step = 0;
      return t;
    };
    int64_t column = 0;
    if (a.rows <= kWideRows) {
      const int64_t width = kLanes * dot_vectors(static_cast<int>(a.rows));
      for (; p.columns - column >= width; column += width) kWide[a.rows - 1](at(0, a.rows, column));
    }
    const int64_t askers = least(end - first, 4), share = (128 + askers - 1) / askers;
    for (; column < p.columns; column += 2 * kLanes)
      for (int64_t i = first; i < end; ++i) {
        const int64_t row = row_of(a.rows, i), height = row_of(a.rows, i + 1) - row;
        DotTile t = at(row, height, column);
        t.next = i + 1 < end ? t.c + height * p.c_row : p.c + column + 2 * kLanes;
        t.ahead = reinterpret_cast<const char*>(t.b + p.panel) + (i - first) * share * t.pairs;
        t.ahead_step = share;
        (i - first < askers ? kAsking : kTiles)[height - 1](t);
      }
  }

 private:
  using Function = void (*)(const DotTile&);
  static constexpr int64_t kWideRows = 6;
  template <int MR>
  static constexpr Function plain = dot_tile<MR, 2, Ahead::nothing>;
  template <int MR>
  static constexpr Function asking = dot_tile<MR, 2, Ahead::next_panel>;
  template <int MR>
  static constexpr Function wide = dot_tile<MR, dot_vectors(MR), Ahead::same_panels>;
  static constexpr Function kTiles[] = {plain<1>, plain<2>, plain<3>, plain<4>, plain<5>, plain<6>, plain<7>, plain<8>, plain<9>, plain<10>, plain<11>, plain<12>};
  static constexpr Function kAsking[] = {asking<1>, asking<2>, asking<3>, asking<4>,  asking<5>,  asking<6>,
                                        asking<7>, asking<8>, asking<9>, asking<10>, asking<11>, asking<12>};
  static constexpr Function kWide[] = {wide<1>, wide<2>, wide<3>, wide<4>, wide<5>, wide<6>};

  static void store_words(uint32_t* to, __m512i words, int64_t n) {
    if (n >= kLanes) {
      _mm512_storeu_si512(to, words);
    } else {
      _mm512_mask_storeu_epi32(to, static_cast<__mmask16>((1u << n) - 1u), words);
    }
  }
};

HE_ISA_END
