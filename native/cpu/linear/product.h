// C = A B over any number of rows and of panels, on one thread: cuts it into the tiles that suit the registers.
#pragma once
#include "cpu/linear/tile.h"

HE_ISA_BEGIN

using TileFunction = void (*)(const Tile&);

// Few rows (decoding) leave accumulators free: several panels at once keep enough chains in flight to hide the latency of fma.
#if defined(__AVX512F__)
static constexpr int kWideRows = 6;
static constexpr int wide_vectors(int rows) { return rows <= 2 ? 8 : 4; }
#elif defined(__AVX2__)
static constexpr int kWideRows = 2;
static constexpr int wide_vectors(int rows) { return rows == 1 ? 4 : 2; }
#else
static constexpr int kWideRows = 0;
#endif

static constexpr TileFunction kTiles[] = {
    tile<1, kTileVectors>, tile<2, kTileVectors>, tile<3, kTileVectors>, tile<4, kTileVectors>,
#if defined(__AVX2__)
    tile<5, kTileVectors>, tile<6, kTileVectors>,
#endif
#if defined(__AVX512F__)
    tile<7, kTileVectors>, tile<8, kTileVectors>, tile<9, kTileVectors>, tile<10, kTileVectors>, tile<11, kTileVectors>, tile<12, kTileVectors>,
#endif
};
static_assert(sizeof kTiles / sizeof *kTiles == kTileRows);

#if defined(__AVX512F__)
static constexpr TileFunction kWideTiles[] = {tile<1, wide_vectors(1)>, tile<2, wide_vectors(2)>, tile<3, wide_vectors(3)>,
                                              tile<4, wide_vectors(4)>, tile<5, wide_vectors(5)>, tile<6, wide_vectors(6)>};
#elif defined(__AVX2__)
static constexpr TileFunction kWideTiles[] = {tile<1, wide_vectors(1)>, tile<2, wide_vectors(2)>};
#endif

// The tile of the rows and columns from (row, column) on.
static inline Tile tile_at(const Tile& whole, int64_t row, int64_t column) {
  Tile t = whole;
  t.a += row * t.a_row;
  t.b += column / 32 * t.b_panel + column % 32;
  t.c += row * t.c_row + column;
  t.columns -= column;
  if (t.bias != nullptr) t.bias += column;
  return t;
}

// All rows and columns of C. `whole` describes row 0 and column 0; whole.columns may span many panels.
static inline void product(const Tile& whole, int64_t rows) {
  int64_t column = 0;
#if defined(__AVX2__)
  if (rows <= kWideRows) {
    const int64_t width = 16 * wide_vectors(static_cast<int>(rows));
    for (; whole.columns - column >= width; column += width) kWideTiles[rows - 1](tile_at(whole, 0, column));
  }
#endif
  // Equal tiles rather than full ones and a thin rest: a thin tile cannot hide the latency of its chains.
  const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
  const int64_t askers = tiles < 4 ? tiles : 4, share = (32 + askers - 1) / askers;  // floats of the next panel for each term of the sum
  for (; column < whole.columns; column += 16 * kTileVectors)
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t row = i * rows / tiles, height = (i + 1) * rows / tiles - row;
      Tile t = tile_at(whole, row, column);
      // Memory works while the multiply-adds do, at an even pace. The first four tiles of a panel ask for a share each of the next; the others of the first panel for
      // the rows after their own, which no panel has brought into the cache yet. A tile that has its panel to itself runs through it at the pace of memory, and asks
      // 8 KiB ahead.
      if (tiles == 1) {
        t.ahead = t.b + 64 * whole.b_step;
        t.ahead_step = 32;
      } else if (i < askers && column % 32 == 0) {
        t.ahead = whole.b + (column / 32 + 1) * whole.b_panel + i * share * whole.n;
        t.ahead_step = share;
      } else if (column == 0 && whole.a_step == 1) {
        t.ahead = whole.a + (row + height) * whole.a_row;
        t.ahead_step = 16;
      }
      kTiles[height - 1](t);
    }
}

HE_ISA_END
