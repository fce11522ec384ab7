// Products with a compact weight on one thread. Few rows: values are widened in registers on their way into the multiply-adds, so that memory carries the narrow
// ones. Many rows: a panel is widened once into working memory and goes through the float32 tiles. Chains and tree are those of cpu/linear/tile.h in both.
#pragma once
#include "cpu/compact/block.h"
#include "cpu/linear/linear.h"
#include "cpu/linear/product.h"

HE_ISA_BEGIN

struct CompactTile : Tile {  // b, b_step and b_panel are not used
  const uint8_t* panel;
  int64_t panel_bytes;
  int64_t lane;  // first column within its panel: 0 or 16
};

template <class Block>
struct Compact {
  using Operands = CompactTile;

  template <int MR, int NV>
  static inline __attribute__((always_inline)) void chunk(const CompactTile& t, int64_t first, int64_t n, V16 (&acc)[MR][NV]) {
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[i][v] = zero();
    const uint8_t* square = t.panel + first / kSide * square_bytes(Block::kType);
    const float* a = t.a + first;
    for (int64_t k = 0; k < n; k += kSide, square += square_bytes(Block::kType), a += kSide) {
      Constants c[NV];
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) c[v] = Block::begin(square + v / 2 * t.panel_bytes, t.lane + v % 2 * kLanes);
      part<0, MR, NV>(t, square, a, c, acc);
      if constexpr (Block::kParts == 2) part<1, MR, NV>(t, square, a + kSide / 2, c, acc);
    }
  }

 private:
  template <int Part, int MR, int NV>
  static inline __attribute__((always_inline)) void part(const CompactTile& t, const uint8_t* square, const float* a, const Constants (&c)[NV], V16 (&acc)[MR][NV]) {
    const int64_t row = t.a_row, panel = t.panel_bytes, lane = t.lane;
#pragma GCC unroll 2
    for (int64_t i = 0; i < kSide / Block::kParts; ++i) {
      V16 b[NV];
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) b[v] = Block::template value<Part>(square + v / 2 * panel, i, lane + v % 2 * kLanes, c[v]);
#pragma GCC unroll 12
      for (int r = 0; r < MR; ++r) {
        const V16 x = splat(a[r * row + i]);
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) acc[r][v] = fma(x, b[v], acc[r][v]);
      }
    }
  }
};

// Rows up to which values are widened in registers: beyond, doing it once for all rows is cheaper.
#if defined(__AVX512F__)
static constexpr int kFewRows = 12;
static constexpr int compact_vectors(int rows) { return rows == 1 ? 8 : rows <= 6 ? 4 : 2; }
#elif defined(__AVX2__)
static constexpr int kFewRows = 4;
static constexpr int compact_vectors(int rows) { return rows == 1 ? 2 : 1; }
#else
static constexpr int kFewRows = 2;
static constexpr int compact_vectors(int) { return 1; }
#endif

using CompactTileFunction = void (*)(const CompactTile&);

template <class Block, int MR>
static constexpr CompactTileFunction compact_tile(bool wide) {
  return wide ? tile<MR, compact_vectors(MR), Compact<Block>> : tile<MR, compact_vectors(MR) < 2 ? 1 : 2, Compact<Block>>;
}

// All columns of C for a few rows.
template <class Block>
static inline void product_few(CompactTile t, int64_t rows) {
  static constexpr CompactTileFunction kNarrow[] = {
      compact_tile<Block, 1>(false), compact_tile<Block, 2>(false),
#if defined(__AVX2__)
      compact_tile<Block, 3>(false), compact_tile<Block, 4>(false),
#endif
#if defined(__AVX512F__)
      compact_tile<Block, 5>(false), compact_tile<Block, 6>(false), compact_tile<Block, 7>(false), compact_tile<Block, 8>(false),
      compact_tile<Block, 9>(false), compact_tile<Block, 10>(false), compact_tile<Block, 11>(false), compact_tile<Block, 12>(false),
#endif
  };
  static constexpr CompactTileFunction kWide[] = {
      compact_tile<Block, 1>(true), compact_tile<Block, 2>(true),
#if defined(__AVX2__)
      compact_tile<Block, 3>(true), compact_tile<Block, 4>(true),
#endif
#if defined(__AVX512F__)
      compact_tile<Block, 5>(true), compact_tile<Block, 6>(true), compact_tile<Block, 7>(true), compact_tile<Block, 8>(true),
      compact_tile<Block, 9>(true), compact_tile<Block, 10>(true), compact_tile<Block, 11>(true), compact_tile<Block, 12>(true),
#endif
  };
  static_assert(sizeof kWide / sizeof *kWide == kFewRows);
  const int64_t wide = kLanes * compact_vectors(static_cast<int>(rows)), narrow = wide < kPanel ? kLanes : kPanel;
  while (t.columns > 0) {
    const bool whole = t.columns >= wide;
    const int64_t width = whole ? wide : narrow;
    (whole ? kWide : kNarrow)[rows - 1](t);
    t.c += width;
    t.columns -= width;
    if (t.bias != nullptr) t.bias += width;
    t.lane += width;
    t.panel += t.lane / kPanel * t.panel_bytes;
    t.lane %= kPanel;
  }
}

// A panel in float32: [input][32].
template <class Block>
static inline void widen(const uint8_t* panel, int64_t inputs, float* out) {
  for (int64_t k = 0; k < inputs; k += kSide, panel += square_bytes(Block::kType), out += kSide * kPanel)
    for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
      const Constants c = Block::begin(panel, lane);
      constexpr int64_t kInputs = kSide / Block::kParts;
      for (int64_t i = 0; i < kInputs; ++i) store(out + i * kPanel + lane, Block::template value<0>(panel, i, lane, c));
      if constexpr (Block::kParts == 2)
        for (int64_t i = 0; i < kInputs; ++i) store(out + (kInputs + i) * kPanel + lane, Block::template value<1>(panel, i, lane, c));
    }
}

static inline size_t compact_scratch(int64_t inputs) { return static_cast<size_t>(inputs * kPanel); }  // floats

// C of `rows` rows and the columns from `column` (a multiple of 32) on; `whole` has b, b_step and b_panel unset and describes C at that column.
static inline void compact_product(const CompactWeight& w, int64_t column, const Tile& whole, int64_t rows, float* scratch) {
  const int64_t bytes = panel_bytes(w.type, w.inputs);
  const uint8_t* panel = w.data + column / kPanel * bytes;
  with_block(w.type, [&](auto block) {
    using Block = decltype(block);
    if (rows <= kFewRows) {
      CompactTile t{whole, panel, bytes, 0};
      return product_few<Block>(t, rows);
    }
    Tile t = whole;
    t.b = scratch;
    t.b_step = kPanel;
    t.b_panel = 0;
    for (int64_t done = 0; done < whole.columns; done += kPanel, panel += bytes) {
      widen<Block>(panel, w.inputs, scratch);
      t.columns = whole.columns - done < kPanel ? whole.columns - done : kPanel;
      product(t, rows);
      t.c += kPanel;
      if (t.bias != nullptr) t.bias += kPanel;
    }
  });
}

HE_ISA_END
