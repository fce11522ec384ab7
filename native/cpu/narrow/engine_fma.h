// bf16 by widening: both operands rounded to bf16, then the float32 rule (chunks of 256, fused multiply-adds, a tree; cpu/linear/tile.h). Every machine has it;
// where no bf16 instruction pays, its gain is half the bytes of the weights.
//   rows     float32, rounded: [row][k] as they lie, or [block][k][row in block] from columns
//   work     two integer instructions a pair of weights, for all rows of a block; then as float32
#pragma once
#include "cpu/linear/product.h"
#include "cpu/narrow/blocks.h"
#include "cpu/simd/bf16.h"

HE_ISA_BEGIN

// A chunk of the sum from panels of pairs. A chunk has an even length but for the last one, whose last pair is half used.
struct PairPanel {
  struct Operands : Tile {
    const uint16_t* pairs;
    int64_t pair_panel;  // elements from one panel to the next
  };
  template <int MR, int NV>
  static inline __attribute__((always_inline)) void chunk(const Operands& t, int64_t r, int64_t n, V16 (&acc)[MR][NV]) {
    const float* a = t.a + r * t.a_step;
    const uint16_t* b = t.pairs + r * kNarrowPanel;
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[i][v] = zero();
    auto step = [&](const V16(&bv)[NV]) __attribute__((always_inline)) {
#pragma GCC unroll 12
      for (int i = 0; i < MR; ++i) {
        const V16 av = splat(a[i * t.a_row]);
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) acc[i][v] = fma(av, bv[v], acc[i][v]);
      }
      a += t.a_step;
    };
#pragma GCC unroll 1
    for (int64_t k = 0; k < n; k += 2, b += 2 * kNarrowPanel) {
      V16 first[NV], second[NV];
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) load_pairs(b + (v / 2) * t.pair_panel + (v % 2) * 32, first[v], second[v]);
      step(first);
      if (k + 1 < n) step(second);
    }
  }
};

struct Bf16Engine {
  static constexpr const char* kName = "fma";
  static constexpr const char* kVariant = "bf16-fma16-v1";
  static constexpr int64_t kRows = kTileRows;
  static constexpr bool kCarries = false;

  static int64_t row_of(int64_t rows, int64_t block) { return block_begin(rows, ceil_div(rows, kRows), block); }
  static size_t rows_floats(int64_t rows, int64_t inner) { return static_cast<size_t>(rows * inner); }

  static void pack_rows(const float* x, int64_t x_stride, const NarrowRows& a, int64_t block) {
    const int64_t end = row_of(a.rows, block + 1);
    for (int64_t row = row_of(a.rows, block); row < end; ++row) {
      const float* from = x + row * x_stride;
      float* to = static_cast<float*>(a.data) + row * a.inner;
      int64_t k = 0;
      for (; k + kLanes <= a.inner; k += kLanes) store(to + k, through_bf16(load(from + k)));
      for (; k < a.inner; ++k) to[k] = from_bf16(to_bf16(from[k]));
    }
  }

  static void pack_columns(const float* x, int64_t x_stride, const NarrowRows& a, int64_t block, int64_t begin, int64_t end) {
    const int64_t first = row_of(a.rows, block), height = row_of(a.rows, block + 1) - first;
    float* to = static_cast<float*>(a.data) + first * a.inner + begin * height;
    for (int64_t k = begin; k < end; ++k, to += height) store_n(to, through_bf16(load_n(x + k * x_stride + first, height)), height);
  }

  static void product(const NarrowRows& a, int64_t first, int64_t end, int64_t from, int64_t to, const NarrowProduct& p, bool, bool) {
    const int64_t row0 = row_of(a.rows, first);
    int64_t column = 0;
#if defined(__AVX2__)
    if (a.rows <= kWideRows) {
      const int64_t width = 16 * wide_vectors(static_cast<int>(a.rows));
      for (; p.columns - column >= width; column += width) kWidePairTiles[a.rows - 1](operands(a, 0, a.rows, 0, from, to, p, column));
    }
#endif
    for (; column < p.columns; column += 16 * kTileVectors)
      for (int64_t i = first; i < end; ++i) {
        const int64_t row = row_of(a.rows, i), height = row_of(a.rows, i + 1) - row;
        kPairTiles[height - 1](operands(a, row, height, row - row0, from, to, p, column));
      }
  }

 private:
  using Function = void (*)(const PairPanel::Operands&);

  static PairPanel::Operands operands(const NarrowRows& a, int64_t row, int64_t height, int64_t c_row, int64_t from, int64_t to, const NarrowProduct& p, int64_t column) {
    PairPanel::Operands t;
    t.a = static_cast<const float*>(a.data) + row * a.inner;
    t.a_row = a.columns ? 1 : a.inner;
    t.a_step = a.columns ? height : 1;
    t.a += from * t.a_step;
    t.b = nullptr;
    t.b_step = t.b_panel = 0;
    t.pairs = p.b + column / kNarrowPanel * p.panel + column % kNarrowPanel * 2 + from * kNarrowPanel;
    t.pair_panel = p.panel;
    t.n = to - from;
    t.c = p.c + c_row * p.c_row + column;
    t.c_row = p.c_row;
    t.columns = p.columns - column;
    t.bias = p.bias != nullptr ? p.bias + column : nullptr;
    t.accumulate = p.accumulate;
    return t;
  }

  template <int MR>
  static constexpr Function pair_tile = tile<MR, kTileVectors, PairPanel>;
  static constexpr Function kPairTiles[] = {
      pair_tile<1>, pair_tile<2>, pair_tile<3>, pair_tile<4>,
#if defined(__AVX2__)
      pair_tile<5>, pair_tile<6>,
#endif
#if defined(__AVX512F__)
      pair_tile<7>, pair_tile<8>, pair_tile<9>, pair_tile<10>, pair_tile<11>, pair_tile<12>,
#endif
  };
  static_assert(sizeof kPairTiles / sizeof *kPairTiles == kRows);
#if defined(__AVX512F__)
  static constexpr Function kWidePairTiles[] = {tile<1, wide_vectors(1), PairPanel>, tile<2, wide_vectors(2), PairPanel>, tile<3, wide_vectors(3), PairPanel>,
                                                tile<4, wide_vectors(4), PairPanel>, tile<5, wide_vectors(5), PairPanel>, tile<6, wide_vectors(6), PairPanel>};
#elif defined(__AVX2__)
  static constexpr Function kWidePairTiles[] = {tile<1, wide_vectors(1), PairPanel>, tile<2, wide_vectors(2), PairPanel>};
#endif
};

HE_ISA_END
