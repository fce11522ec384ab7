// The second product of the forward: acc[r] += sum over the row's keys in a tile, ascending, of p[r][key] value[key], one fused chain per element. Keys that
// all rows of a block see go together; those before and after them row by row, in the same registers. A key that a row does not see is not
// multiplied, so nothing in it, not even a NaN, reaches the row.
#pragma once
#include "cpu/attention/multiply.h"
#include "cpu/attention/tile.h"

HE_ISA_BEGIN

struct Weighted {
  const float* const* values;  // per group of 16 keys of the chunk, [16][stride]
  int64_t stride;
  const float* p;     // [rows][kChunk]
  const Range* keys;  // that each row sees, of the chunk
  Range tile;         // keys to go through
  float* acc;         // [rows][whole vectors]
  bool from_zero;     // else acc goes on
};

template <int R, int G>
static void weigh_block(const Weighted& w, int64_t r0, int64_t v0, int64_t width) {
  V16 acc[R][G];
  const float* p[R];
  Range keys[R], common = w.tile;
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    p[r] = w.p + (r0 + r) * kChunk;
    keys[r] = {greatest(w.keys[r0 + r].begin, w.tile.begin), least(w.keys[r0 + r].end, w.tile.end)};
    common = {greatest(common.begin, keys[r].begin), least(common.end, keys[r].end)};
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) acc[r][g] = w.from_zero ? zero() : load(w.acc + (r0 + r) * width + kLanes * (v0 + g));
  }
  if (common.begin >= common.end) common = {w.tile.end, w.tile.end};
  const auto value = [&](int64_t j) { return w.values[j / kGroup] + j % kGroup * w.stride + kLanes * v0; };
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
    for (int64_t j = keys[r].begin, end = least(common.begin, keys[r].end); j < end; ++j)
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) acc[r][g] = fma(splat(p[r][j]), load(value(j) + kLanes * g), acc[r][g]);
  for (int64_t j = common.begin; j < common.end;) {
    // Neighbouring groups are one run where they are neighbours in memory.
    const float* start = value(j);
    int64_t group = j / kGroup;
    while ((group + 1) * kGroup < common.end && w.values[group + 1] == w.values[group] + kGroup * w.stride) ++group;
    const int64_t end = least((group + 1) * kGroup, common.end);
    for (; j < end; ++j, start += w.stride) {
      V16 column[G];
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) column[g] = load(start + kLanes * g);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const V16 x = splat(p[r][j]);
#pragma GCC unroll 4
        for (int g = 0; g < G; ++g) acc[r][g] = fma(x, column[g], acc[r][g]);
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
    for (int64_t j = greatest(common.end, keys[r].begin); j < keys[r].end; ++j)
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) acc[r][g] = fma(splat(p[r][j]), load(value(j) + kLanes * g), acc[r][g]);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) store(w.acc + (r0 + r) * width + kLanes * (v0 + g), acc[r][g]);
}

template <int R>
static void weigh_rows(const Weighted& w, int64_t r0, int64_t v0, int64_t count, int64_t width) {
  switch (count) {
    case 1:
      return weigh_block<R, 1>(w, r0, v0, width);
    case 2:
      return weigh_block<R, 2>(w, r0, v0, width);
#if defined(__AVX512F__)
    case 3:
      return weigh_block<R, 3>(w, r0, v0, width);
    case 4:
      return weigh_block<R, 4>(w, r0, v0, width);
#endif
  }
}

static inline void weigh(const Weighted& w, int64_t rows, int64_t vectors) {
  for (int64_t r = 0; r < rows; r += kMaxRows)
    for (int64_t v = 0, count = 0; v < vectors; v += count) {
      count = next_groups(vectors - v);
      switch (least(kMaxRows, rows - r)) {
        case 1:
          weigh_rows<1>(w, r, v, count, vectors * kLanes);
          break;
        case 2:
          weigh_rows<2>(w, r, v, count, vectors * kLanes);
          break;
#if defined(__AVX512F__)
        case 3:
          weigh_rows<3>(w, r, v, count, vectors * kLanes);
          break;
        case 4:
          weigh_rows<4>(w, r, v, count, vectors * kLanes);
          break;
#endif
      }
    }
}

HE_ISA_END
