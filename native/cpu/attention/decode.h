// One query against one chunk of the cache: its heads' rows all see the same keys, so keys and values are read once, in their own width, and widened in
// registers. The same chains as a pass (pass.h) and so the same bits.
//   traffic  the chunk's keys and values once; each tile asks for the next one's lines, since blocks are too short for the hardware to guess ahead
//   work     4 d operations a key and head; widening costs one to three instructions for sixteen elements
#pragma once
#include "cpu/attention/cache.h"
#include "cpu/attention/pass.h"

HE_ISA_BEGIN

// How elements of a type are read; `scale` is used by int8 only.
struct Wide {
  using Element = float;
  static V16 read(const float* p, V16) { return load(p); }
};
struct Bf16 {
  using Element = uint16_t;
  static V16 read(const uint16_t* p, V16) { return load_bf16(p); }
};
struct Int8 {
  using Element = int8_t;
  static V16 read(const int8_t* p, V16 scale) { return load_int8(p) * scale; }
};

// A group of 16 positions, with the scales of its keys and of its values (null but for int8).
template <class E>
struct Group {
  const E *keys, *values;
  const float *key_scales, *value_scales;
};

static inline void prefetch_line(const void* p, int64_t element) {
  if (p != nullptr && element % 64 == 0) __builtin_prefetch(static_cast<const char*>(p) + element, 0, 3);
}

// p[r][16 g ..] = q[r] . keys of `G` groups; asks for what lies at `next`, G pieces as long as a group's keys.
template <class T, int R, int G>
static void score_groups(const Group<typename T::Element>* groups, const float* const* q, int64_t head_size, float* const* p, const void* const* next) {
  using E = typename T::Element;
  V16 acc[R][G] = {}, scale[G];
  const E* k[G];
#pragma GCC unroll 4
  for (int g = 0; g < G; ++g) {
    k[g] = groups[g].keys;
    scale[g] = groups[g].key_scales != nullptr ? load(groups[g].key_scales) : zero();
  }
  for (int64_t d = 0; d < head_size; ++d) {
    V16 column[G];
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) {
      column[g] = T::read(k[g] + d * kGroup, scale[g]);
      prefetch_line(next[g], d * kGroup * static_cast<int64_t>(sizeof(E)));
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const V16 x = splat(q[r][d]);
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) acc[r][g] = fma(x, column[g], acc[r][g]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) store(p[r] + g * kGroup, acc[r][g]);
}

// acc[r][16 (v0 + v) ..] += sum of p[r][j] value_j over keys [begin, end) of one group.
template <class T, int R, int V>
static void weigh_group(const Group<typename T::Element>& group, const float* const* p, int64_t begin, int64_t end, int64_t width, int64_t v0, float* const* acc,
                        const void* next) {
  V16 sum[R][V];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[r][v] = load(acc[r] + (v0 + v) * kLanes);
  for (int64_t j = begin; j < end; ++j) {
    const V16 scale = group.value_scales != nullptr ? splat(group.value_scales[j]) : zero();
    V16 column[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const int64_t at = j * width + (v0 + v) * kLanes;
      column[v] = T::read(group.values + at, scale);
      prefetch_line(next, at * static_cast<int64_t>(sizeof(typename T::Element)));
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const V16 x = splat(p[r][j]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] = fma(x, column[v], sum[r][v]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(acc[r] + (v0 + v) * kLanes, sum[r][v]);
}

// R rows: the groups [first, last) of a tile, as many at a time as registers hold.
template <class T, int R>
static void score_tile(const Group<typename T::Element>* groups, int64_t first, int64_t last, int64_t ahead, const float* const* q, int64_t head_size, float* const* p) {
  const void* next[kTileGroups];
  for (int64_t g = first, n = 0; g < last; g += n) {
    n = least(kMaxGroups, last - g);
    if (n == 3) n = 2;
    float* out[R];
    for (int r = 0; r < R; ++r) out[r] = p[r] + g * kGroup;
    for (int64_t i = 0; i < n; ++i) next[i] = g + i + kTileGroups < ahead ? groups[g + i + kTileGroups].keys : nullptr;
#if defined(__AVX512F__)
    if (n == 4) {
      score_groups<T, R, 4>(groups + g, q, head_size, out, next);
      continue;
    }
#endif
    if (n == 2) {
      score_groups<T, R, 2>(groups + g, q, head_size, out, next);
    } else {
      score_groups<T, R, 1>(groups + g, q, head_size, out, next);
    }
  }
}

template <class T, int R>
static void weigh_tile(const Group<typename T::Element>* groups, int64_t first, int64_t last, int64_t ahead, Range keys, const float* const* p, int64_t width,
                       float* const* acc) {
  for (int64_t g = first; g < last; ++g) {
    const int64_t begin = greatest(keys.begin - g * kGroup, 0), end = least(keys.end - g * kGroup, kGroup);
    const void* next = g + kTileGroups < ahead ? groups[g + kTileGroups].values : nullptr;
    const float* here[R];
    for (int r = 0; r < R; ++r) here[r] = p[r] + g * kGroup;
    for (int64_t v = 0, n = 0; v < width / kLanes; v += n) {
      n = next_groups(width / kLanes - v);
#if defined(__AVX512F__)
      if (n == 4) weigh_group<T, R, 4>(groups[g], here, begin, end, width, v, acc, next);
      if (n == 3) weigh_group<T, R, 3>(groups[g], here, begin, end, width, v, acc, next);
#endif
      if (n == 2) weigh_group<T, R, 2>(groups[g], here, begin, end, width, v, acc, next);
      if (n == 1) weigh_group<T, R, 1>(groups[g], here, begin, end, width, v, acc, next);
    }
  }
}

// Up to sixteen rows, all with the same visible keys, through the chunk; `out` is written.
template <class T>
static void decode_pass(const AttentionShape& s, int64_t index, const Group<typename T::Element>* groups, const Row* rows, int64_t count, float* p, const Gathered& out) {
  const int64_t width = padded(s.head_size), first_key = index * kChunk;
  const Range seen{greatest(rows[0].keys.begin - first_key, 0), least(rows[0].keys.end - first_key, kChunk)};
  const int64_t first = seen.begin / kGroup, last = (seen.end + kGroup - 1) / kGroup;
  Range keys[kRows];
  const float *q[kRows], *weights[kRows];
  float *scores[kRows], *acc[kRows];
  for (int64_t r = 0; r < count; ++r) {
    keys[r] = seen;
    q[r] = rows[r].q;
    weights[r] = scores[r] = p + r * kChunk;
    acc[r] = out.acc + r * width;
  }
  // Blocks of kMaxRows rows, then what is left.
  const auto in_blocks = [&](auto f) {
    int64_t r = 0;
#if defined(__AVX512F__)
    for (; r + 4 <= count; r += 4) f(r, Rows<4>{});
    if (count - r == 3) {
      f(r, Rows<3>{});
      r += 3;
    }
#endif
    for (; r + 2 <= count; r += 2) f(r, Rows<2>{});
    if (r < count) f(r, Rows<1>{});
  };
  for (int64_t g = first; g < last; g += kTileGroups)
    in_blocks([&](int64_t r, auto n) { score_tile<T, decltype(n)::kCount>(groups, g, least(g + kTileGroups, last), r == 0 ? last : 0, q + r, s.head_size, scores + r); });
  soften(s, rows, count, first_key, keys, {first, last}, p, out);
  memset(out.acc, 0, static_cast<size_t>(count * width) * sizeof(float));
  for (int64_t g = first; g < last; g += kTileGroups)
    in_blocks([&](int64_t r, auto n) { weigh_tile<T, decltype(n)::kCount>(groups, g, least(g + kTileGroups, last), r == 0 ? last : 0, seen, weights + r, width, acc + r); });
}

// The chunk's groups where the cache keeps them.
template <class T>
static void decode_chunk(const AttentionShape& s, const KvCache& c, const int32_t* blocks, int64_t key_head, int64_t index, const Row* rows, int64_t count, float* p,
                         const Gathered& out) {
  using E = typename T::Element;
  Group<E> groups[kChunkGroups] = {};
  for (int64_t g = 0; g < kChunkGroups; ++g) {
    const int64_t position = index * kChunk + g * kGroup;
    if (position >= rows[0].keys.end || position + kGroup <= rows[0].keys.begin) continue;
    const KvPart part = part_of(c, blocks[position / c.block_size], key_head);
    const int64_t inside = position % c.block_size;
    const bool scaled = c.type == KvType::kInt8;
    groups[g] = {reinterpret_cast<const E*>(part.keys) + inside * c.head_size, reinterpret_cast<const E*>(part.values) + inside * padded(c.head_size),
                 scaled ? key_scales(c, part) + inside : nullptr, scaled ? value_scales(c, part) + inside : nullptr};
  }
  decode_pass<T>(s, index, groups, rows, count, p, out);
}

HE_ISA_END
