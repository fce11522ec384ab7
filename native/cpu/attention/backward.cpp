// Attention backward for packed sequences; probabilities are recomputed from the forward's log-sum-exp.
//   maths    p = exp(s - lse);  dv_j = sum_i p_ij dy_i;  ds = p (dy.v - dy.y) s'(q.k);  dq_i = sum_j ds_ij k_j;  dk_j = sum_i ds_ij q_i
//            Dao et al. 2022
//   order    dq: keys ascending; dk and dv: heads of the group ascending, in each the queries ascending. A function of the sequence, not of the batch
//   blocks   one task is a sequence and a key head. Bands of key tiles with their gradients stay in the second-level cache while the queries of all heads
//            go by, each loaded once a band; a pair of tiles is five products of 64 x 64 x head size. A product goes through sixteen query rows (or all
//            keys) before the next begins, so that its right side stays in the first-level cache
//   traffic  compute-bound: 10 n^2 d operations a head (half of it when causal); the next tile's rows are asked for beside the products of this one
#include "cpu/attention/kernels.h"
#include "cpu/attention/multiply.h"
#include "cpu/attention/tile.h"

HE_ISA_BEGIN

namespace {

constexpr int64_t kRows = 16, kProductRows = 4;

// A tile of keys: its rows, keys and values transposed ([group][d][16]), and the gradients; each [kTile][padded head size].
struct KeyTile {
  float *keys, *keys_t, *values_t, *dk, *dv;
};
constexpr int64_t kKeyTileArrays = 5, kQueryArrays = 3;

// Working memory of a task.
struct Memory {
  float* band;               // key tiles
  float *q, *dy, *dq;        // [kTile][padded head size]
  float *p, *ds;             // [kTile][kTile]
  float *log_sum_exp, *dot;  // [kTile]; dot = dy.y
};

int64_t tile_floats(int64_t head_size) { return kTile * padded(head_size); }

// Key tiles of a band: about 640 KiB.
int64_t band_tiles(int64_t head_size) { return greatest(8 * 64 / padded(head_size), 1); }

Memory carve(float* scratch, int64_t head_size) {
  const int64_t tile = tile_floats(head_size);
  const auto take = [&](int64_t floats) {
    float* piece = scratch;
    scratch += floats;
    return piece;
  };
  Memory m;
  m.band = take(band_tiles(head_size) * kKeyTileArrays * tile);
  m.q = take(tile);
  m.dy = take(tile);
  m.dq = take(tile);
  m.p = take(kTile * kTile);
  m.ds = take(kTile * kTile);
  m.log_sum_exp = take(kTile);
  m.dot = take(kTile);
  return m;
}

KeyTile key_tile_of(const Memory& m, int64_t index, int64_t head_size) {
  const int64_t tile = tile_floats(head_size);
  float* p = m.band + index * kKeyTileArrays * tile;
  return {p, p + tile, p + 2 * tile, p + 3 * tile, p + 4 * tile};
}

struct Task {
  int64_t first, keys;  // the sequence's first token and length
  int64_t head;         // query head
  int64_t key_tile, query_tile;
  int64_t queries;  // present in this query tile
};

// `fresh`: dq begins at 0.
void load_queries(const PackedAttentionBackward& a, const Task& t, const Memory& m, bool fresh) {
  const int64_t token = t.first + t.query_tile * kTile, offset = t.head * a.shape.head_size, size = a.shape.head_size;
  copy_rows(a.q.data + token * a.q.stride + offset, a.q.stride, t.queries, size, m.q);
  copy_rows(a.dy.data + token * a.dy.stride + offset, a.dy.stride, t.queries, size, m.dy);
  if (fresh) {
    memset(m.dq, 0, static_cast<size_t>(t.queries * padded(size)) * sizeof(float));
  } else {
    copy_rows(a.dq.data + token * a.dq.stride + offset, a.dq.stride, t.queries, size, m.dq);
  }
  const float* y = a.y.data + token * a.y.stride + offset;
  for (int64_t r = 0; r < t.queries; r += 4) {
    V16 sum[4] = {};
    for (int64_t i = r; i < least(r + 4, t.queries); ++i) {
      V16 products = zero();
      for_lanes(size, [&](int64_t d, int64_t n) {
        products = fma(load(m.dy + i * padded(size) + d), load_some(y + i * a.y.stride + d, n), products);
      });
      sum[i - r] = products;
      m.log_sum_exp[i] = a.log_sum_exp[(token + i) * a.log_sum_exp_stride + t.head];
    }
    reduce_add4(sum, m.dot + r);
  }
}

// Rows of a head that are wanted soon: a few are asked for beside every small product, since a burst would wait for its own lines.
struct Wanted {
  const float* data;
  int64_t stride, count;
};

// Four of them.
inline __attribute__((always_inline)) void prefetch(const Wanted& w, int64_t begin, int64_t head_size) {
  for (int64_t i = begin; i < least(begin + kProductRows, w.count); ++i) prefetch_row(w.data + i * w.stride, head_size);
}

// What load_queries will read of a query tile, and where its dq will go.
struct WantedQueries {
  Wanted q, dy, y, dq;
};
WantedQueries wanted(const PackedAttentionBackward& a, const Task& t, int64_t count) {
  const int64_t token = t.first + t.query_tile * kTile, offset = t.head * a.shape.head_size;
  const auto rows = [&](const float* data, int64_t stride) { return Wanted{data + token * stride + offset, stride, count}; };
  return {rows(a.q.data, a.q.stride), rows(a.dy.data, a.dy.stride), rows(a.y.data, a.y.stride), rows(a.dq.data, a.dq.stride)};
}

// A row of p and of ds: from products q.k (in p) and dy.v (in ds) to probabilities and score gradients, 0 where the key is not visible; as many groups as the tile has keys.
void soften(const AttentionShape& s, const Task& t, const Memory& m, int64_t row, Range keys) {
  const int64_t position = t.query_tile * kTile + row;
  const float slope = s.alibi != nullptr ? s.alibi[t.head] : 0.0f;
  const V16 lse = splat(m.log_sum_exp[row]), d = splat(m.dot[row]), scale = splat(s.scale);
  const bool plain = s.soft_cap <= 0 && s.alibi == nullptr;
  if (plain && keys.begin <= 0 && keys.end >= kTile) {  // most rows: nothing hidden, four exponentials side by side
    V16 p[kTileGroups];
#pragma GCC unroll 4
    for (int64_t g = 0; g < kTileGroups; ++g) p[g] = load(m.p + row * kTile + g * kGroup) * scale - lse;
    exp(p);
#pragma GCC unroll 4
    for (int64_t g = 0; g < kTileGroups; ++g) {
      float* ds = m.ds + row * kTile + g * kGroup;
      store(m.p + row * kTile + g * kGroup, p[g]);
      store(ds, p[g] * (load(ds) - d) * scale);
    }
    return;
  }
  for (int64_t g = 0; g < groups_of(least(kTile, t.keys - t.key_tile * kTile)); ++g) {
    float* p_out = m.p + row * kTile + g * kGroup;
    float* ds_out = m.ds + row * kTile + g * kGroup;
    const int64_t begin = keys.begin - g * kGroup, end = keys.end - g * kGroup;
    if (begin >= kGroup || end <= 0) {
      store(p_out, zero());
      store(ds_out, zero());
      continue;
    }
    V16 derivative = scale, v = load(p_out);
    v = plain ? v * scale : score(s, v, slope, t.key_tile * kTile + g * kGroup - position, &derivative);
    V16 p = exp(v - lse);
    V16 ds = p * (load(ds_out) - d) * derivative;
    if (begin > 0 || end < kGroup) {
      p = in_range(p, zero(), begin, end);
      ds = in_range(ds, zero(), begin, end);
    }
    store(p_out, p);
    store(ds_out, ds);
  }
}

// out[r] = products of rows [begin, begin + rows) of `a` with the key groups of b_t that one of the four sees: `groups` of each block of four.
void products(const float* a, const float* b_t, int64_t begin, int64_t rows, const Range* groups, int64_t head_size, float* out, const Wanted& next) {
  const int64_t width = padded(head_size);
  for (int64_t r = begin; r < begin + rows; r += kProductRows) {
    const Range g = groups[(r - begin) / kProductRows];
    prefetch(next, r, head_size);
    const int64_t n = least(kProductRows, begin + rows - r);
    const float *left[kProductRows], *right[kTileGroups];
    float* c[kProductRows];
    for (int64_t i = 0; i < n; ++i) {
      left[i] = a + (r + i) * width;
      c[i] = out + (r + i) * kTile + g.begin * kGroup;
    }
    for (int64_t i = g.begin; i < g.end; ++i) right[i - g.begin] = b_t + i * kGroup * head_size;
    multiply({left, 1, right, kGroup, head_size, c, true}, n, greatest(g.end - g.begin, 0));
  }
}

// dk or dv: out[j] += sum over the queries that can see key j of weight[query][j] rows[query], queries ascending.
void gather(const AttentionShape& s, const Task& t, const float* weight, const float* rows, float* out, const Wanted& next) {
  const int64_t width = padded(s.head_size), present = least(kTile, t.keys - t.key_tile * kTile);
  for (int64_t j = 0; j < present; j += kProductRows) {
    // Keys of a causal tile are not seen by the queries before them: their chains start at the first that can.
    const int64_t first = s.causal ? greatest(t.key_tile * kTile + j - t.query_tile * kTile, 0) : 0, keys = least(kProductRows, present - j);
    prefetch(next, j, s.head_size);
    if (first >= t.queries) continue;
    const float* a[kProductRows];
    float* c[kProductRows];
    for (int64_t i = 0; i < keys; ++i) {
      a[i] = weight + first * kTile + j + i;
      c[i] = out + (j + i) * width;
    }
    multiply_add(a, kTile, keys, rows + first * width, width, t.queries - first, c, width / kLanes);
  }
}

// One tile of queries against one tile of keys: p, ds and dq, then dv and dk. Asks for `next` meanwhile.
void pair(const AttentionShape& s, const Task& t, const Memory& m, const KeyTile& k, const WantedQueries& next) {
  const int64_t width = padded(s.head_size);
  for (int64_t begin = 0; begin < t.queries; begin += kRows) {
    const int64_t rows = least(kRows, t.queries - begin);
    Range keys[kRows], all[kRows / kProductRows], groups[kRows / kProductRows];
    for (int64_t r = 0; r < rows; ++r) {
      keys[r] = within_tile(visible(s, t.query_tile * kTile + begin + r, t.keys), t.key_tile);
      Range& four = all[r / kProductRows];
      if (r % kProductRows == 0) four = {kTile, 0};
      if (keys[r].begin < keys[r].end) four = {least(four.begin, keys[r].begin), greatest(four.end, keys[r].end)};
      groups[r / kProductRows] = {four.begin / kGroup, (four.end + kGroup - 1) / kGroup};
    }
    products(m.q, k.keys_t, begin, rows, groups, s.head_size, m.p, next.q);
    products(m.dy, k.values_t, begin, rows, groups, s.head_size, m.ds, next.dy);
    for (int64_t r = 0; r < rows; ++r) soften(s, t, m, begin + r, keys[r]);
    for (int64_t r = 0; r < rows; r += kProductRows) {
      const Range four = all[r / kProductRows];
      prefetch(next.y, begin + r, s.head_size);
      if (four.begin >= four.end) continue;
      const float* ds[kProductRows];
      float* dq[kProductRows];
      const int64_t n = least(kProductRows, rows - r);
      for (int64_t i = 0; i < n; ++i) {
        ds[i] = m.ds + (begin + r + i) * kTile + four.begin;
        dq[i] = m.dq + (begin + r + i) * width;
      }
      multiply_add(ds, 1, n, k.keys + four.begin * width, width, four.end - four.begin, dq, width / kLanes);
    }
  }
  gather(s, t, m.p, m.dy, k.dv, next.dq);
  gather(s, t, m.ds, m.q, k.dk, {});
}

void store_rows(const float* source, int64_t count, int64_t head_size, float* destination, int64_t stride) {
  const int64_t width = padded(head_size);
  for (int64_t j = 0; j < count; ++j)
    for_lanes(head_size, [&](int64_t d, int64_t n) { store_some(destination + j * stride + d, load(source + j * width + d), n); });
}

}  // namespace

size_t attention_backward_scratch(int64_t head_size) {
  return static_cast<size_t>((band_tiles(head_size) * kKeyTileArrays + kQueryArrays) * tile_floats(head_size) + 2 * kTile * kTile + 2 * kTile);
}

void attention_backward(const PackedAttentionBackward& a, int64_t sequence, int64_t key_head, float* scratch) {
  const AttentionShape& s = a.shape;
  const Memory m = carve(scratch, s.head_size);
  const int64_t first = a.offsets[sequence], keys = a.offsets[sequence + 1] - first, group = s.query_heads / s.key_heads,
                size = s.head_size, tiles = (keys + kTile - 1) / kTile, offset = key_head * size;
  const auto query_tile_of = [&](int64_t head, int64_t tile) { return Task{first, keys, head, 0, tile, least(kTile, keys - tile * kTile)}; };
  for (int64_t band = 0; band < tiles; band += band_tiles(size)) {
    const int64_t band_end = least(band + band_tiles(size), tiles);
    for (int64_t tile = band; tile < band_end; ++tile) {
      const KeyTile k = key_tile_of(m, tile - band, size);
      const int64_t present = least(kTile, keys - tile * kTile), token = first + tile * kTile;
      prefetch_rows(a.v.data + token * a.v.stride + offset, a.v.stride, present, size);
      copy_rows(a.k.data + token * a.k.stride + offset, a.k.stride, present, size, k.keys);
      transpose_rows(a.k.data + token * a.k.stride + offset, a.k.stride, present, size, k.keys_t);
      transpose_rows(a.v.data + token * a.v.stride + offset, a.v.stride, present, size, k.values_t);
      if (a.through_bf16) {
        round_tile(k.keys, present * padded(size));
        round_tile(k.keys_t, groups_of(present) * kGroup * size);
        round_tile(k.values_t, groups_of(present) * kGroup * size);
      }
      memset(k.dk, 0, static_cast<size_t>(present * padded(size)) * sizeof(float));
      memset(k.dv, 0, static_cast<size_t>(present * padded(size)) * sizeof(float));
    }
    for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head) {
      for (int64_t query_tile = 0; query_tile < tiles; ++query_tile) {
        // Key tiles that a query of this tile sees: from its first query's window on, up to its last query when causal.
        const int64_t query = query_tile * kTile, queries = least(kTile, keys - query);
        const int64_t key_begin = greatest(visible(s, query, keys).begin / kTile, band),
                      key_end = least((visible(s, query + queries - 1, keys).end + kTile - 1) / kTile, band_end);
        // The first band writes every dq, the later ones only those that they change.
        if (band > 0 && key_begin >= key_end) continue;
        Task t = query_tile_of(head, query_tile);
        load_queries(a, t, m, band == 0);
        const Task next = query_tile + 1 < tiles ? query_tile_of(head, query_tile + 1) : query_tile_of(head + 1, 0);
        const bool more = next.head < (key_head + 1) * group;
        for (t.key_tile = key_begin; t.key_tile < key_end; ++t.key_tile)
          pair(s, t, m, key_tile_of(m, t.key_tile - band, size), wanted(a, next, more && t.key_tile == key_begin ? next.queries : 0));
        store_rows(m.dq, queries, size, a.dq.data + (first + query) * a.dq.stride + head * size, a.dq.stride);
      }
    }
    for (int64_t tile = band; tile < band_end; ++tile) {
      const KeyTile k = key_tile_of(m, tile - band, size);
      const int64_t present = least(kTile, keys - tile * kTile), token = first + tile * kTile;
      store_rows(k.dk, present, size, a.dk.data + token * a.dk.stride + offset, a.dk.stride);
      store_rows(k.dv, present, size, a.dv.data + token * a.dv.stride + offset, a.dv.stride);
    }
  }
}

HE_ISA_END
