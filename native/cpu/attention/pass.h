// One pass of the forward: up to sixteen query rows against one chunk of 256 keys, by the written order (docs/numerics.md, "Attention").
//   maths    within the chunk a plain soft-max: scores, their maximum, exponentials, their sum, the weighted values; then chunks are combined by the rule of
//            the online soft-max (Milakov and Gimelshein 2018)
//   blocks   scores in tiles of 64 keys that stay in the first-level cache for all rows of the pass, four rows at a time; one maximum and one sum a row and
//            chunk, four rows to a reduction and to a step of exponentials; values stream by once for each four rows, whose sums stay in registers
//   traffic  rows of q and y that the next pass takes are asked for while this one computes: each is four lines at a stride that no hardware guesses
// Rows go together for speed only: each has its own keys, chains and sums, so none sees its neighbours.
#pragma once
#include "cpu/attention/weigh.h"

HE_ISA_BEGIN

static constexpr int64_t kRows = 16;  // of a pass
static constexpr int64_t kProductRows = 4;
static_assert(kRows == kLanes, "what a pass knows of its rows is one vector");

struct Row {
  const float* q;
  float *y, *log_sum_exp;  // results; log_sum_exp may be null
  Range keys;  // visible, absolute
  int64_t position;
  float slope;
};

// What rows have gathered so far: maximum, denominator, and weighted values [rows][padded head size].
struct Gathered {
  float *top, *sum, *acc;
};

// What exponents are counted from: the maximum, or 0 for a row without one, so that exp(-inf - shift) is 0 and not NaN.
static inline V16 shift(V16 top) { return select_lt(splat(-__builtin_inff()), top, top, select_lt(top, zero(), zero(), top)); }

// Products of a row and the chunk's groups [groups.begin, groups.end), in p, become scores, -inf where the row sees no key; returns their greatest by lane.
static inline V16 scores(const AttentionShape& s, const Row& row, int64_t first_key, Range keys, Range groups, float* p) {
  const V16 low = splat(-__builtin_inff()), scale = splat(s.scale);
  const Range whole{(keys.begin + kGroup - 1) / kGroup, keys.end / kGroup};  // groups that the row sees all of
  V16 top = low;
  const auto take = [&](int64_t g, V16 v) {
    store(p + g * kGroup, v);
    top = max(top, v);
  };
  const auto one = [&](int64_t g) {
    const V16 v = score(s, load(p + g * kGroup), row.slope, first_key + g * kGroup - row.position);
    take(g, in_range(v, low, keys.begin - g * kGroup, keys.end - g * kGroup));
  };
  const bool plain = s.soft_cap <= 0 && s.alibi == nullptr;
  const int64_t begin = plain ? least(greatest(whole.begin, groups.begin), groups.end) : groups.end, end = greatest(begin, least(whole.end, groups.end));
  for (int64_t g = groups.begin; g < begin; ++g) one(g);
  for (int64_t g = begin; g < end; ++g) take(g, load(p + g * kGroup) * scale);
  for (int64_t g = end; g < groups.end; ++g) one(g);
  return top;
}

// Scores of R neighbouring rows to exp(score - shift), and their sums by lane.
template <int R>
static void exponentials(float* p, const float* shifts, Range groups, V16* sums) {
  V16 total[R] = {}, shift[R];
  for (int r = 0; r < R; ++r) shift[r] = splat(shifts[r]);
  for (int64_t g = groups.begin; g < groups.end; ++g) {
    V16 v[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) v[r] = load(p + r * kChunk + g * kGroup) - shift[r];
    exp_not_positive(v);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      store(p + r * kChunk + g * kGroup, v[r]);
      total[r] = total[r] + v[r];
    }
  }
  for (int r = 0; r < R; ++r) sums[r] = total[r];
}

// Scores to probabilities against each row's maximum; `out.top` and `out.sum` are set.
static inline void soften(const AttentionShape& s, const Row* rows, int64_t count, int64_t first_key, const Range* keys, Range groups, float* p,
                          const Gathered& out) {
  V16 part[kRows];
  for (int64_t r = count; r < (count + 3) / 4 * 4; ++r) part[r] = zero();  // reductions take four
  for (int64_t r = 0; r < count; ++r) part[r] = scores(s, rows[r], first_key, keys[r], groups, p + r * kChunk);
  float tops[kRows] = {}, shifts[kRows], sums[kRows] = {};
  for (int64_t r = 0; r < count; r += 4) reduce_max4(part + r, tops + r);
  store_n(out.top, load(tops), count);
  store(shifts, shift(load(tops)));
  for (int64_t r = 0; r < count; r += 4)
    in_known_rows(least(4, count - r), [&](auto n) { exponentials<decltype(n)::kCount>(p + r * kChunk, shifts + r, groups, part + r); });
  for (int64_t r = 0; r < count; r += 4) reduce_add4(part + r, sums + r);
  store_n(out.sum, load(sums), count);
}

// total = total and chunk together. Where either saw no key (top -inf, sum and values 0) the other stands, up to the sign of a zero.
static inline void merge(const Gathered& total, const Gathered& chunk, int64_t count, int64_t width) {
  const V16 before = load_n(total.top, count), added = load_n(chunk.top, count), now = select_lt(added, before, before, added), from = shift(now);
  const V16 keep = exp(before - from), take = exp(added - from);
  store_n(total.top, now, count);
  store_n(total.sum, fma(load_n(chunk.sum, count), take, load_n(total.sum, count) * keep), count);
  float keeps[kRows], takes[kRows];
  store(keeps, keep);
  store(takes, take);
  for (int64_t r = 0; r < count; ++r) {
    float* acc = total.acc + r * width;
    const float* values = chunk.acc + r * width;
    for (int64_t d = 0; d < width; d += kLanes) store(acc + d, fma(load(values + d), splat(takes[r]), load(acc + d) * splat(keeps[r])));
  }
}

// One pass of `rows` through a chunk; `ahead` are the rows of the next. `p` [kRows][kChunk] is working memory; `out` is written, for rows that see no key of the chunk too (-inf, 0, 0).
static inline void pass(const AttentionShape& s, const Chunk& chunk, const Row* rows, int64_t count, const Row* ahead, int64_t ahead_count, float* p,
                        const Gathered& out) {
  const int64_t width = padded(s.head_size), first_key = chunk.index * kChunk;
  Range keys[kRows], all{kChunk, 0};
  for (int64_t r = 0; r < count; ++r) {
    keys[r] = {greatest(rows[r].keys.begin - first_key, 0), least(rows[r].keys.end - first_key, kChunk)};
    if (keys[r].begin >= keys[r].end) {
      keys[r] = {0, 0};
    } else {
      all = {least(all.begin, keys[r].begin), greatest(all.end, keys[r].end)};
    }
  }
  if (all.begin > all.end) all = {0, 0};
  const int64_t first_tile = all.begin / kTile, last_tile = greatest((all.end + kTile - 1) / kTile, first_tile + 1);
  for (int64_t t = first_tile; t < last_tile; ++t)
    for (int64_t r = 0; r < count; r += kProductRows) {
      const int64_t n = least(kProductRows, count - r);
      const float* q[kProductRows];
      float* c[kProductRows];
      if (t == first_tile) {
        for (int64_t i = r; i < least(r + kProductRows, ahead_count); ++i) {
          prefetch_row(ahead[i].q, s.head_size);
          prefetch_row(ahead[i].y, s.head_size);
        }
      }
      Range groups{kChunkGroups, 0};  // of this tile, that one of these rows sees
      for (int64_t i = 0; i < n; ++i) {
        const Range k = keys[r + i];
        q[i] = rows[r + i].q;
        if (k.begin < k.end) groups = {least(groups.begin, k.begin / kGroup), greatest(groups.end, (k.end + kGroup - 1) / kGroup)};
      }
      groups = {greatest(groups.begin, t * kTileGroups), least(groups.end, (t + 1) * kTileGroups)};
      if (groups.begin >= groups.end) continue;
      for (int64_t i = 0; i < n; ++i) c[i] = p + (r + i) * kChunk + groups.begin * kGroup;
      multiply({q, 1, chunk.keys + groups.begin, kGroup, s.head_size, c, true}, n, groups.end - groups.begin);
    }
  soften(s, rows, count, first_key, keys, {all.begin / kGroup, (all.end + kGroup - 1) / kGroup}, p, out);
  weigh({chunk.values, chunk.value_stride, p, keys, {first_tile * kTile, last_tile * kTile}, out.acc, true}, count, width / kLanes);
}

HE_ISA_END
