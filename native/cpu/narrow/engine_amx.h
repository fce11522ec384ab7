// bf16 by the matrix unit, tdpbf16ps: 16 rows times 16 outputs over 32 inputs an instruction.
//   order    inputs in blocks of 32 (the last filled with zeros), ascending; in a block the even and the odd inputs are chains of their own from 0, added to one
//            another, then to the sum; denormal operands and results are zero. It may be cut at any multiple of 32
//   rows     bf16, [block of 16 rows][block of 32 inputs][row][input]: tiles lie one after another; rows that are not there are zeros
//   tiles    four of C (32 rows x 32 outputs), two of A, two of B: one load for each product, one store of C for the whole sum
#pragma once
#include "cpu/linear/transpose.h"
#include "cpu/narrow/blocks.h"
#include "cpu/narrow/tile_unit.h"
#include "cpu/simd/bf16.h"

HE_ISA_BEGIN

struct Bf16Engine {
#if defined(HE_AMX_EMULATED)
  static constexpr const char* kName = "amx_emulated";
#else
  static constexpr const char* kName = "amx";
#endif
  static constexpr const char* kVariant = "bf16-amx-v1";
  static constexpr int64_t kRows = 16;
  static constexpr bool kCarries = true;
  static constexpr int64_t kInner = 32, kTileElements = kRows * kInner;

  static int64_t row_of(int64_t rows, int64_t block) { return least(rows, block * kRows); }
  static size_t rows_floats(int64_t rows, int64_t inner) { return static_cast<size_t>(ceil_div(rows, kRows) * ceil_div(inner, kInner) * kTileElements / 2); }

  static void pack_rows(const float* x, int64_t x_stride, const NarrowRows& a, int64_t block) {
    const int64_t first = block * kRows, height = least(kRows, a.rows - first), tiles = ceil_div(a.inner, kInner);
    uint16_t* to = static_cast<uint16_t*>(a.data) + block * tiles * kTileElements;
    if (height < kRows && tiles > 0) memset(to, 0, static_cast<size_t>(tiles * kTileElements) * sizeof(uint16_t));
    for (int64_t i = 0; i < height; ++i) {
      const float* from = x + (first + i) * x_stride;
      for (int64_t k = 0; k < a.inner; k += kLanes) {
        const int64_t n = a.inner - k;
        store_bf16(to + k / kInner * kTileElements + i * kInner + k % kInner, n >= kLanes ? load(from + k) : load_n(from + k, n));
      }
      if (const int64_t rest = a.inner % kInner; rest != 0 && rest <= kLanes) store_bf16(to + (tiles - 1) * kTileElements + i * kInner + kLanes, zero());
    }
  }

  static void pack_columns(const float* x, int64_t x_stride, const NarrowRows& a, int64_t block, int64_t begin, int64_t end) {
    const int64_t first = block * kRows, height = least(kRows, a.rows - first), tiles = ceil_div(a.inner, kInner);
    uint16_t* to = static_cast<uint16_t*>(a.data) + (block * tiles + begin / kInner) * kTileElements;
    alignas(64) float words[kRows][kLanes];  // [pair][column]
    for (int64_t k = begin; k < end; k += kInner, to += kTileElements) {
      for (int64_t j = 0; j < kRows; ++j) {
        const int64_t row = k + 2 * j;
        const float* from = x + row * x_stride + first;
        store_pairs(reinterpret_cast<uint16_t*>(words[j]), row < a.inner ? load_n(from, height) : zero(), row + 1 < a.inner ? load_n(from + x_stride, height) : zero());
      }
      transpose16(words[0], kLanes, reinterpret_cast<float*>(to), kLanes);
    }
  }

  static void product(const NarrowRows& a, int64_t first, int64_t end, int64_t from, int64_t to, const NarrowProduct& p, bool carry_in, bool carry_out) {
    const TileScope scope;
    const int64_t row0 = first * kRows;
    for (int64_t column = 0; column < p.columns; column += kNarrowPanel) {
      const uint16_t* b = p.b + column / kNarrowPanel * p.panel;
      for (int64_t block = first; block < end; block += 2) {
        const Corner corner{p.c + (block * kRows - row0) * p.c_row + column, p.c_row, least(2 * kRows, a.rows - block * kRows), least(kNarrowPanel, p.columns - column),
                            p.bias != nullptr ? p.bias + column : nullptr, p.accumulate, carry_in, carry_out};
        if (block + 1 < end) {
          tiles<2>(a, block, b, from, to, corner);
        } else {
          Corner one = corner;
          one.rows = least(kRows, one.rows);
          tiles<1>(a, block, b, from, to, one);
        }
      }
    }
  }

 private:
  // What is left of C at a tile, and how it is written.
  struct Corner {
    float* c;
    int64_t c_row, rows, columns;
    const float* bias;
    bool accumulate, carry_in, carry_out;
  };

  // C of MB blocks of rows and one panel. Sums pass through a buffer: C itself may be ragged, biased or added to.
  template <int MB>
  static void tiles(const NarrowRows& a, int64_t block, const uint16_t* b, int64_t from, int64_t to, const Corner& c) {
    const int64_t block_elements = ceil_div(a.inner, kInner) * kTileElements;
    const uint16_t* a0 = static_cast<const uint16_t*>(a.data) + block * block_elements + from / kInner * kTileElements;
    b += from * kNarrowPanel;
    alignas(64) float sums[MB * kRows][kNarrowPanel];
    constexpr int64_t kStride = kNarrowPanel * sizeof(float), kHalf = kRows * kNarrowPanel;
    if (c.carry_in) {
      memset(sums, 0, sizeof sums);
      for (int64_t i = 0; i < c.rows; ++i) memcpy(sums[i], c.c + i * c.c_row, static_cast<size_t>(c.columns) * sizeof(float));
      tile_load<0>(sums[0], kStride);
      tile_load<1>(sums[0] + kLanes, kStride);
      if constexpr (MB == 2) {
        tile_load<2>(sums[0] + kHalf, kStride);
        tile_load<3>(sums[0] + kHalf + kLanes, kStride);
      }
    } else {
      tile_zero<0>();
      tile_zero<1>();
      if constexpr (MB == 2) {
        tile_zero<2>();
        tile_zero<3>();
      }
    }
    constexpr int64_t kPairRow = 2 * kNarrowPanel * sizeof(uint16_t);  // bytes from one pair of inputs to the next
    for (int64_t k = from; k < to; k += kInner, a0 += kTileElements, b += kInner * kNarrowPanel) {
      tile_load<6>(b, kPairRow);
      tile_load<7>(b + kNarrowPanel, kPairRow);
      tile_load<4>(a0, kTileBytes);
      tile_dot_bf16<0, 4, 6>();
      tile_dot_bf16<1, 4, 7>();
      if constexpr (MB == 2) {
        tile_load<5>(a0 + block_elements, kTileBytes);
        tile_dot_bf16<2, 5, 6>();
        tile_dot_bf16<3, 5, 7>();
      }
    }
    tile_store<0>(sums[0], kStride);
    tile_store<1>(sums[0] + kLanes, kStride);
    if constexpr (MB == 2) {
      tile_store<2>(sums[0] + kHalf, kStride);
      tile_store<3>(sums[0] + kHalf + kLanes, kStride);
    }
    for (int64_t v = 0; v < c.columns; v += kLanes) {
      const int64_t width = least(kLanes, c.columns - v);
      const bool biased = c.bias != nullptr && !c.carry_out, added = c.accumulate && !c.carry_out;
      const V16 bias = biased ? load_n(c.bias + v, width) : zero();
      for (int64_t i = 0; i < c.rows; ++i) {
        float* to_c = c.c + i * c.c_row + v;
        V16 sum = load(sums[i] + v);
        if (biased) sum = sum + bias;
        if (added) sum = sum + load_n(to_c, width);
        store_n(to_c, sum, width);
      }
    }
  }
};

HE_ISA_END
