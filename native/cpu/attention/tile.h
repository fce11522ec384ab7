// Pieces shared by the forward and the backward: which keys a query sees, scores from products, and a tile of keys and values in working
// memory.
#pragma once
#include "cpu/attention/attention.h"
#include "cpu/linear/transpose.h"
#include "cpu/simd/bf16.h"
#include "cpu/simd/exp.h"
#include "cpu/simd/lanes.h"

HE_ISA_BEGIN

static constexpr int64_t kTileGroups = kTile / kGroup, kChunkGroups = kChunk / kGroup;

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t greatest(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// Where the keys and values of a chunk are: per group of 16 positions, keys [d][16] and values [16][value_stride].
struct Chunk {
  int64_t index;  // positions from kChunk * index on
  const float* keys[kChunkGroups];
  const float* values[kChunkGroups];
  int64_t value_stride;
};

// Keys [begin, end).
struct Range {
  int64_t begin, end;
};

// Keys that the query at `position` sees, of `keys` in all.
static inline Range visible(const AttentionShape& s, int64_t position, int64_t keys) {
  return {s.window > 0 ? greatest(0, position - s.window + 1) : 0, s.causal ? least(position + 1, keys) : keys};
}

static inline Range within_tile(Range r, int64_t tile) { return {greatest(r.begin - tile * kTile, 0), least(r.end - tile * kTile, kTile)}; }

// A number of rows that the compiler knows.
template <int N>
struct Rows {
  static constexpr int kCount = N;
};

// f(Rows<count>), count from 1 to 4.
template <class F>
static inline __attribute__((always_inline)) void in_known_rows(int64_t count, F f) {
  if (count == 4) f(Rows<4>{});
  if (count == 3) f(Rows<3>{});
  if (count == 2) f(Rows<2>{});
  if (count == 1) f(Rows<1>{});
}

// Scores of 16 keys from their products: scale, soft-cap, ALiBi; and, when asked, their derivative with respect to the products.
// `distance` is the first key's position minus the query's.
static inline V16 score(const AttentionShape& s, V16 product, float slope, int64_t distance, V16* derivative = nullptr) {
  static constexpr float kIndex[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const V16 scale = splat(s.scale);
  V16 v = product * scale;
  if (derivative != nullptr) *derivative = scale;
  if (s.soft_cap > 0) {
    const V16 t = tanh(v / splat(s.soft_cap));
    v = splat(s.soft_cap) * t;
    if (derivative != nullptr) *derivative = scale * fnma(t, t, splat(1.0f));
  }
  if (s.alibi != nullptr) v = fma(splat(slope), splat(static_cast<float>(distance)) + load(kIndex), v);
  return v;
}

// `inside` for lanes [begin, end), `outside` for the others.
static inline V16 in_range(V16 inside, V16 outside, int64_t begin, int64_t end) {
  static constexpr float kIndex[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const V16 index = load(kIndex);
  return select_lt(index, splat(static_cast<float>(begin)), outside, select_lt(index, splat(static_cast<float>(end)), inside, outside));
}

// Asks for a row of a head: rows of other heads lie between a head's rows, too far apart for the hardware to guess.
// Always in line: GCC 12 takes a function of nothing but prefetches for one without effect and drops its calls.
static inline __attribute__((always_inline)) void prefetch_row(const float* row, int64_t head_size) {
  for (int64_t d = 0; d < head_size; d += kLanes) __builtin_prefetch(row + d, 0, 3);
}

static inline __attribute__((always_inline)) void prefetch_rows(const float* source, int64_t stride, int64_t count, int64_t head_size) {
  for (int64_t j = 0; j < count; ++j) prefetch_row(source + j * stride, head_size);
}

// Groups of 16 that `count` keys of a tile reach into. What lies beyond them in working memory is neither written nor read: a tile of a short sequence costs what it holds.
static inline int64_t groups_of(int64_t count) { return (count + kGroup - 1) / kGroup; }

// Rows of a head, `count` <= kTile of them, into [count][padded]; padding is 0.
static inline void copy_rows(const float* source, int64_t stride, int64_t count, int64_t head_size, float* destination) {
  const int64_t width = padded(head_size);
  for (int64_t j = 0; j < count; ++j)
    for (int64_t d = 0; d < width; d += kLanes) store(destination + j * width + d, load_some(source + j * stride + d, least(kLanes, head_size - d)));
}

// The same rows transposed, in whole groups: [group][d][16]; rows that the last group misses are 0.
static inline void transpose_rows(const float* source, int64_t stride, int64_t count, int64_t head_size, float* destination) {
  for (int64_t g = 0; g < groups_of(count); ++g) {
    float* out = destination + g * head_size * kGroup;
    const int64_t rows = least(kGroup, count - g * kGroup);
    if (rows < kGroup) memset(out, 0, static_cast<size_t>(head_size * kGroup) * sizeof(float));
    transpose(source + g * kGroup * stride, stride, rows, head_size, out, kGroup);
  }
}

// Floats of a tile to bf16 and back, in place: what a bf16 cache would have kept.
static inline void round_tile(float* tile, int64_t floats) {
  for (int64_t i = 0; i < floats; i += kLanes) store(tile + i, through_bf16(load(tile + i)));
}

HE_ISA_END
