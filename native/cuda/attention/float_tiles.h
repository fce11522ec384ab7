// What the float32 kernels keep in shared memory: rows of heads, 16 bytes longer than they are, so that eight lanes that read a group of four from a row each hit all banks once.
#pragma once
#include "cuda/attention/float_attention.h"
#include "cuda/attention/mask.h"
#include "cuda/dialect/rows.h"

namespace he::cuda {

/// Elements that a head's rows are filled up to, with zeros.
HE_GPU int padded(int head_size) { return (head_size + 3) / 4 * 4; }

/// Where the keys (or values, or queries) of a sequence and head lie, and what their type is.
struct HeadRows {
  Global<const float> base;
  long long stride;             // packed
  Global<const int> table;      // paged, or none
  int block_size, key_heads, head, size, type;
  bool vectors;

  /// Elements d .. d + 3 of row `key`; zeros beyond the head.
  HE_GPU Four get(int key, int d) const {
    if (!table) {
      Four x = get_four(base + key * stride, d, size, vectors);
      if (type == kRoundedKeys) {
        HE_UNROLL
        for (int j = 0; j < 4; ++j) x.v[j] = widen(narrow(x.v[j]));
      }
      return x;
    }
    const long long block = table.get(key / block_size);
    const int row = head * block_size + key % block_size;
    const Global<const float> at = base + block * (cache_block_bytes(type, key_heads, block_size, size) / 4);
    if (type == kBf16Keys) return get_four(Global<const bf16>{reinterpret_cast<const bf16*>(at.at)} + static_cast<long long>(row) * size, d, size, vectors);
    if (type != kInt8Keys) return get_four(at + static_cast<long long>(row) * size, d, size, vectors);
    const int words = padded(size) / 4;
    const unsigned word = float_to_bits(at.get(static_cast<long long>(row) * words + d / 4));
    const float scale = at.get(static_cast<long long>(key_heads) * block_size * words + row);
    Four x;
    HE_UNROLL
    for (int j = 0; j < 4; ++j) x.v[j] = scale * static_cast<float>(static_cast<int>(word << (24 - 8 * j)) >> 24);
    return x;
  }
};

HE_GPU HeadRows packed_rows(Global<const float> x, long long stride, int first_token, int head, int size, int type) {
  const Global<const float> base = x + first_token * stride + head * size;
  return {base, stride, {}, 0, 0, 0, size, type, in_vectors(base, stride, size)};
}

HE_GPU void set_shared(Shared<float> x, int i, const Four& f) {
  x.set_as<Words>(i, {{float_to_bits(f.v[0]), float_to_bits(f.v[1]), float_to_bits(f.v[2]), float_to_bits(f.v[3])}});
}

HE_GPU Four get_shared(Shared<float> x, int i) {
  const Words w = x.get_as<Words>(i);
  return {{bits_to_float(w.w[0]), bits_to_float(w.w[1]), bits_to_float(w.w[2]), bits_to_float(w.w[3])}};
}

/// Rows first .. first + COUNT - 1 of a head into shared memory; those outside of [keys.first, keys.end) become zeros: nothing in them, not even a NaN, is read.
template <int WIDTH, int COUNT, int THREADS>
HE_GPU void load_rows(Shared<float> to, const HeadRows& from, int first, const Keys& keys) {
  const int end = padded(from.size);
  for (int i = static_cast<int>(thread()); i < COUNT * (WIDTH / 4); i += THREADS) {
    const int r = i / (WIDTH / 4), d = i % (WIDTH / 4) * 4, row = first + r;
    if (d >= end) continue;
    Four x = {{0.0f, 0.0f, 0.0f, 0.0f}};
    if (row >= keys.first && row < keys.end) x = from.get(row, d);
    set_shared(to, r * (WIDTH + 4) + d, x);
  }
}

/// Rows of a block, COUNT from first_row on, into shared memory: row r is the query first_token + r / group of query head `head * group + r % group`. Rows beyond the last become zeros.
template <int WIDTH, int COUNT, int THREADS>
HE_GPU void load_queries(Shared<float> to, Global<const float> from, long long stride, int first_token, int head, int group, int first_row, int rows, int head_size) {
  for (int r = static_cast<int>(warp()); r < COUNT; r += THREADS / kWarp) {
    const int row = first_row + r;
    const Global<const float> x = from + (first_token + row / group) * stride + (head * group + row % group) * head_size;
    const bool vectors = in_vectors(x, stride, head_size);
    for (int d = static_cast<int>(lane()) * 4; d < padded(head_size); d += 4 * kWarp)
      set_shared(to, r * (WIDTH + 4) + d, row < rows ? get_four(x, d, head_size, vectors) : Four{{0.0f, 0.0f, 0.0f, 0.0f}});
  }
}

/// products[r] = the chain fma(rows[r][d], mine[d], .) over d ascending from 0, for the R rows of a warp and this lane's own row of a tile.
template <int WIDTH, int R>
HE_GPU void dot_rows(Shared<float> rows, Shared<float> tile, int size, float (&products)[R]) {
  const Shared<float> mine = tile + static_cast<int>(lane()) * (WIDTH + 4);
  HE_UNROLL
  for (int r = 0; r < R; ++r) products[r] = 0.0f;
  for (int d = 0; d < size; d += 4) {
    const Four k = get_shared(mine, d);
    HE_UNROLL
    for (int r = 0; r < R; ++r) {
      const Four q = get_shared(rows, r * (WIDTH + 4) + d);
      HE_UNROLL
      for (int j = 0; j < 4; ++j) products[r] = fma(q.v[j], k.v[j], products[r]);
    }
  }
}

/// The columns of a head that a lane sums: neighbours, in one instruction.
template <int WIDTH>
struct Columns {
  static constexpr int kCount = WIDTH / kWarp, kGroup = kCount > 4 ? 4 : kCount;

  HE_GPU static int at(int c) { return c / kGroup * kGroup * kWarp + static_cast<int>(lane()) * kGroup + c % kGroup; }

  /// This lane's columns of a row; 0 beyond its end.
  HE_GPU static void get(Shared<float> row, int end, float (&x)[kCount]) {
    HE_UNROLL
    for (int g = 0; g < kCount; g += kGroup) {
      HE_UNROLL
      for (int j = 0; j < kGroup; ++j) x[g + j] = 0.0f;
      if (at(g) >= end) continue;
      if (kGroup == 4) {
        const Four f = get_shared(row, at(g));
        HE_UNROLL
        for (int j = 0; j < kGroup; ++j) x[g + j] = f.v[j];
      } else if (kGroup == 2) {
        const Pair f = row.template get_as<Pair>(at(g));
        HE_UNROLL
        for (int j = 0; j < kGroup; ++j) x[g + j] = bits_to_float(f.w[j]);
      } else {
        x[g] = row.get(at(g));
      }
    }
  }
};

/// Scores in base e and their derivative with respect to q . k. Scale, soft-cap, ALiBi, in this order.
struct FloatScore {
  float scale, cap;

  HE_GPU float operator()(float product, float slope, int distance, float* derivative = nullptr) const {
    float x = product * scale, d = scale;
    if (cap > 0) {
      const float t = tanh_accurate(divide(x, cap));
      x = cap * t;
      d *= fma(-t, t, 1.0f);
    }
    if (derivative) *derivative = d;
    return fma(slope, static_cast<float>(distance), x);
  }
};

HE_GPU float nan_maximum(float a, float b) { return a >= b || a != a ? a : b; }

}  // namespace he::cuda
