// The int8 product by the matrix unit: 16 rows times a panel of 32 outputs, the order of cpu/narrow/int8_tile.h.
//   tiles    of one unit (16 or 32 inputs): activations 16 rows x 64 bytes, zeros beyond the unit, so that what lies behind the unit's weights counts nothing; two of
//            weights; two of integer sums, stored and taken into float32 sums by the vector unit while the next ones run
//   bound    a unit takes 16 cycles a tile, and 16 rows x 2 vectors of conversion, multiplication and fma, 48 on two ports: the scales bind, not the tiles
#pragma once
#include "cpu/narrow/int8_tile.h"
#include "cpu/narrow/tile_unit.h"

HE_ISA_BEGIN

// What follows the last square of an expanded panel is read (and multiplied by zeros).
static constexpr int64_t kBeyondPanel = kTileSide * kSide * 4;

template <class Source>
struct Int8Matrix {
  static constexpr int64_t kUnitQuads = kQuads / Source::kUnits;

  template <int Unit>
  static inline void unit(Square s, const int32_t* record, int64_t rows, float (&acc)[kMatrixRows][kSide]) {
    alignas(64) int32_t sums[kMatrixRows][kSide];
    constexpr int64_t kStride = kSide * 4;
    constexpr int kTile = 2 * Unit;  // alternately: one unit's sums are stored while the next one's run
    const uint8_t* numbers = s.own + Unit * kUnitQuads * kStride;
    tile_zero<kTile>();
    tile_zero<kTile + 1>();
    tile_load<4>(record + Unit * kMatrixWords, kTileBytes);
    tile_load<6>(numbers, kStride);
    tile_load<7>(numbers + kTileBytes, kStride);
    tile_dot_int8<kTile, 4, 6>();
    tile_dot_int8<kTile + 1, 4, 7>();
    tile_store<kTile>(sums[0], kStride);
    tile_store<kTile + 1>(sums[0] + kLanes, kStride);

    const int32_t* first = record + Source::kUnits * kMatrixWords + Unit * kMatrixRows;
    const float* scales = reinterpret_cast<const float*>(record) + Source::kUnits * (kMatrixWords + kMatrixRows);
    const float* scaled = scales + (1 + Unit) * kMatrixRows;
    for (int64_t v = 0; v < kSide; v += kLanes) {
      const Constants c = Source::template constants<Unit>(s, v);
      for (int64_t r = 0; r < rows; ++r) {
        V16 sum = fma(to_floats(load_ints(sums[r] + v) + splat_int(first[r])), c.d * splat(scales[r]), load(acc[r] + v));
        if constexpr (Source::kHasMinimum) sum = fma(c.m, splat(scaled[r]), sum);
        store(acc[r] + v, sum);
      }
    }
  }

  static void product(const Int8Tile& t, int64_t rows) {
    alignas(64) float acc[kMatrixRows][kSide] = {};
    const int32_t* record = t.records;
    for (int64_t i = 0; i < t.squares; ++i, record += matrix_record_words(Source::kUnits)) {
      const Square s = Source::square(t.panel, i);
      unit<0>(s, record, rows, acc);
      if constexpr (Source::kUnits == 2) unit<1>(s, record, rows, acc);
    }
    for (int64_t v = 0; v < t.columns; v += kLanes) {
      const int64_t width = least(kLanes, t.columns - v);
      for (int64_t r = 0; r < rows; ++r) {
        float* c = t.c + r * t.c_row + v;
        V16 sum = load(acc[r] + v);
        if (t.bias != nullptr) sum = sum + load_n(t.bias + v, width);
        if (t.accumulate) sum = sum + load_n(c, width);
        store_n(c, sum, width);
      }
    }
  }
};

HE_ISA_END
