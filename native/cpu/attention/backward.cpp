// Attention backward for packed sequences; probabilities are recomputed from the forward's log-sum-exp.
//   maths    p = exp(s - lse);  dv_j = sum_i p_ij dy_i;  ds = p (dy.v - dy.y) s'(q.k);  dq_i = sum_j ds_ij k_j;  dk_j = sum_i ds_ij q_i Dao
//   et al. 2022 order    dq: keys ascending; dk and dv: heads of the group ascending, in each the queries ascending. A function of the
//   sequence, not of the batch blocks   one task is a sequence and a key head: key tiles outside, query tiles of 64 inside, five products
//   of 64 x 64 x head size each traffic  compute-bound: 10 n^2 d operations a head (half of it when causal)
#include "cpu/attention/kernels.h"
#include "cpu/attention/multiply.h"
#include "cpu/attention/tile.h"

HE_ISA_BEGIN

namespace {

constexpr int64_t kRows = 4;

// Working memory of a task, all tiles [kTile][padded head size] unless said otherwise.
struct Memory {
  float *keys, *keys_t, *values_t;  // _t: [group][d][16]
  float *q, *dy, *dq, *dk, *dv;
  float *p, *ds;             // [kTile][kTile]
  float *log_sum_exp, *dot;  // [kTile]; dot = dy.y
};

Memory carve(float* scratch, int64_t head_size) {
  const int64_t tile = kTile * padded(head_size);
  float* f[8];
  for (int64_t i = 0; i < 8; ++i) f[i] = scratch + i * tile;
  float* rest = scratch + 8 * tile;
  return {f[0],
          f[1],
          f[2],
          f[3],
          f[4],
          f[5],
          f[6],
          f[7],
          rest,
          rest + kTile * kTile,
          rest + 2 * kTile * kTile,
          rest + 2 * kTile * kTile + kTile};
}

struct Task {
  int64_t first, keys;  // the sequence's first token and length
  int64_t head;         // query head
  int64_t key_tile, query_tile;
  int64_t queries;  // present in this query tile
};

float dot(const float* a, const float* b, int64_t n) {
  V16 sum = zero();
  for_lanes(n, [&](int64_t i, int64_t count) { sum = fma(load_some(a + i, count), load_some(b + i, count), sum); });
  return reduce_add(sum);
}

void load_queries(const PackedAttentionBackward& a, const Task& t, const Memory& m) {
  const int64_t token = t.first + t.query_tile * kTile, offset = t.head * a.shape.head_size, size = a.shape.head_size;
  copy_rows(a.q.data + token * a.q.stride + offset, a.q.stride, t.queries, size, m.q);
  copy_rows(a.dy.data + token * a.dy.stride + offset, a.dy.stride, t.queries, size, m.dy);
  copy_rows(a.dq.data + token * a.dq.stride + offset, a.dq.stride, t.queries, size, m.dq);
  for (int64_t i = 0; i < t.queries; ++i) {
    m.dot[i] = dot(a.dy.data + (token + i) * a.dy.stride + offset, a.y.data + (token + i) * a.y.stride + offset, size);
    m.log_sum_exp[i] = a.log_sum_exp[(token + i) * a.log_sum_exp_stride + t.head];
  }
}

// Rows of p and ds: from products q.k (in p) and dy.v (in ds) to probabilities and score gradients, 0 where the key is not visible.
void soften(const AttentionShape& s, const Task& t, const Memory& m, int64_t row, Range keys) {
  const int64_t position = t.query_tile * kTile + row;
  const float slope = s.alibi != nullptr ? s.alibi[t.head] : 0.0f;
  const V16 lse = splat(m.log_sum_exp[row]), d = splat(m.dot[row]);
  for (int64_t g = 0; g < kTileGroups; ++g) {
    float* p_out = m.p + row * kTile + g * kGroup;
    float* ds_out = m.ds + row * kTile + g * kGroup;
    const int64_t begin = keys.begin - g * kGroup, end = keys.end - g * kGroup;
    if (begin >= kGroup || end <= 0) {
      store(p_out, zero());
      store(ds_out, zero());
      continue;
    }
    V16 derivative;
    V16 p = exp(score(s, load(p_out), slope, t.key_tile * kTile + g * kGroup - position, &derivative) - lse);
    V16 ds = p * (load(ds_out) - d) * derivative;
    if (begin > 0 || end < kGroup) {
      p = in_range(p, zero(), begin, end);
      ds = in_range(ds, zero(), begin, end);
    }
    store(p_out, p);
    store(ds_out, ds);
  }
}

// One tile of queries against one tile of keys: p, ds, then dq, dk and dv.
void pair(const AttentionShape& s, const Task& t, const Memory& m) {
  const int64_t width = padded(s.head_size), vectors = width / kLanes;
  for (int64_t r = 0; r < t.queries; r += kRows) {
    const int64_t rows = least(kRows, t.queries - r);
    Range keys[kRows], all{kTile, 0};
    for (int64_t i = 0; i < rows; ++i) {
      keys[i] = within_tile(visible(s, t.query_tile * kTile + r + i, t.keys), t.key_tile);
      if (keys[i].begin < keys[i].end) all = {least(all.begin, keys[i].begin), greatest(all.end, keys[i].end)};
    }
    const int64_t first = all.begin / kGroup, groups = greatest((all.end + kGroup - 1) / kGroup - first, 0);
    const float *q[kRows], *dy[kRows], *key_groups[kTileGroups], *value_groups[kTileGroups];
    float *p[kRows], *ds[kRows];
    for (int64_t i = 0; i < rows; ++i) {
      q[i] = m.q + (r + i) * width;
      dy[i] = m.dy + (r + i) * width;
      p[i] = m.p + (r + i) * kTile + first * kGroup;
      ds[i] = m.ds + (r + i) * kTile + first * kGroup;
    }
    for (int64_t g = 0; g < groups; ++g) {
      key_groups[g] = m.keys_t + (first + g) * kGroup * s.head_size;
      value_groups[g] = m.values_t + (first + g) * kGroup * s.head_size;
    }
    multiply({q, 1, key_groups, kGroup, s.head_size, p, true}, rows, groups);
    multiply({dy, 1, value_groups, kGroup, s.head_size, ds, true}, rows, groups);
    for (int64_t i = 0; i < rows; ++i) soften(s, t, m, r + i, keys[i]);
    if (groups == 0) continue;
    const float* a[kRows];
    float* dq[kRows];
    for (int64_t i = 0; i < rows; ++i) {
      a[i] = m.ds + (r + i) * kTile + all.begin;
      dq[i] = m.dq + (r + i) * width;
    }
    multiply_add(a, 1, rows, m.keys + all.begin * width, width, all.end - all.begin, dq, vectors);
  }
  // Keys of a causal tile are not seen by the queries before them: their chains start at the first that can.
  const int64_t present = least(kTile, t.keys - t.key_tile * kTile);
  for (int64_t j = 0; j < present; j += kRows) {
    const int64_t first = s.causal ? greatest(t.key_tile * kTile + j - t.query_tile * kTile, 0) : 0, keys = least(kRows, present - j);
    if (first >= t.queries) continue;
    const float *p[kRows], *ds[kRows];
    float *dk[kRows], *dv[kRows];
    for (int64_t i = 0; i < keys; ++i) {
      p[i] = m.p + first * kTile + j + i;
      ds[i] = m.ds + first * kTile + j + i;
      dk[i] = m.dk + (j + i) * width;
      dv[i] = m.dv + (j + i) * width;
    }
    multiply_add(p, kTile, keys, m.dy + first * width, width, t.queries - first, dv, vectors);
    multiply_add(ds, kTile, keys, m.q + first * width, width, t.queries - first, dk, vectors);
  }
}

void store_rows(const float* source, int64_t count, int64_t head_size, float* destination, int64_t stride) {
  const int64_t width = padded(head_size);
  for (int64_t j = 0; j < count; ++j)
    for_lanes(head_size, [&](int64_t d, int64_t n) { store_some(destination + j * stride + d, load(source + j * width + d), n); });
}

}  // namespace

size_t attention_backward_scratch(int64_t head_size) {
  return static_cast<size_t>(8 * kTile * padded(head_size) + 2 * kTile * kTile + 2 * kTile);
}

void attention_backward(const PackedAttentionBackward& a, int64_t sequence, int64_t key_head, float* scratch) {
  const AttentionShape& s = a.shape;
  const Memory m = carve(scratch, s.head_size);
  const int64_t first = a.offsets[sequence], keys = a.offsets[sequence + 1] - first, group = s.query_heads / s.key_heads,
                size = s.head_size;
  const int64_t tile_bytes = kTile * padded(size) * static_cast<int64_t>(sizeof(float));
  for (int64_t i = 0; i < keys; ++i)
    memset(a.dq.data + (first + i) * a.dq.stride + key_head * group * size, 0, static_cast<size_t>(group * size) * sizeof(float));
  for (int64_t key_tile = 0; key_tile * kTile < keys; ++key_tile) {
    const int64_t start = key_tile * kTile, present = least(kTile, keys - start), token = first + start, offset = key_head * size;
    copy_rows(a.k.data + token * a.k.stride + offset, a.k.stride, present, size, m.keys);
    transpose_rows(a.k.data + token * a.k.stride + offset, a.k.stride, present, size, m.keys_t);
    transpose_rows(a.v.data + token * a.v.stride + offset, a.v.stride, present, size, m.values_t);
    memset(m.dk, 0, static_cast<size_t>(tile_bytes));
    memset(m.dv, 0, static_cast<size_t>(tile_bytes));
    // Queries that see a key of this tile: from it on when causal, up to its last key's window.
    const int64_t query_begin = s.causal ? start : 0, query_end = s.window > 0 ? least(keys, start + present - 1 + s.window) : keys;
    for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head) {
      for (int64_t query_tile = query_begin / kTile; query_tile * kTile < query_end; ++query_tile) {
        const Task t{first, keys, head, key_tile, query_tile, least(kTile, keys - query_tile * kTile)};
        load_queries(a, t, m);
        pair(s, t, m);
        store_rows(m.dq, t.queries, size, a.dq.data + (first + query_tile * kTile) * a.dq.stride + head * size, a.dq.stride);
      }
    }
    store_rows(m.dk, present, size, a.dk.data + token * a.dk.stride + offset, a.dk.stride);
    store_rows(m.dv, present, size, a.dv.data + token * a.dv.stride + offset, a.dv.stride);
  }
}

HE_ISA_END
