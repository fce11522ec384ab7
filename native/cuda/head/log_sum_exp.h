// The soft-max's statistics of one row of logits, by tiles of the vocabulary: what a tile has, and how tiles join. The head and the readers of stored logits (sampling) use nothing else,
// so both give a token the same log-probability, bit for bit.
#pragma once
#include "cuda/dialect/dialect.h"
#include "cuda/dialect/rows.h"

namespace he::cuda {

/// Of docs/numerics.md: not a tuning knob. A warp's sixteen elements a lane.
constexpr int kVocabularyTile = 512;

HE_BOTH constexpr int vocabulary_tiles(int vocabulary) { return (vocabulary + kVocabularyTile - 1) / kVocabularyTile; }

/// Greatest z, sum of e^(z - max), sum of e^(z - max) z. As it lies in memory: four floats, the last is not used.
struct RowSum {
  float max, sum, weighted;
};

HE_GPU float inverse_temperature(float temperature) { return temperature > 0 ? divide(1.0f, temperature) : 1.0f; }

/// cap tanh(x / cap); x itself without a cap.
HE_GPU float soft_capped(float x, float cap) { return cap > 0 ? cap * tanh_accurate(divide(x, cap)) : x; }

HE_GPU RowSum get_row_sum(Global<const float> at, long long i) {
  const Words w = at.get_as<Words>(4 * i);
  return {bits_to_float(w.w[0]), bits_to_float(w.w[1]), bits_to_float(w.w[2])};
}
HE_GPU void set_row_sum(Global<float> at, long long i, const RowSum& x) { at.set_as<Words>(4 * i, {{float_to_bits(x.max), float_to_bits(x.sum), float_to_bits(x.weighted), 0u}}); }

/// a, then b (of later tiles). Nothing but impossible tokens: the sums are 0.
HE_GPU RowSum join(const RowSum& a, const RowSum& b) {
  const float m = maximum(a.max, b.max), base = m == minus_infinity() ? 0.0f : m;
  const float old_factor = exp_accurate(a.max - base), new_factor = exp_accurate(b.max - base);
  return {m, fma(b.sum, new_factor, a.sum * old_factor), fma(b.weighted, new_factor, a.weighted * old_factor)};
}

/// Of n <= kVocabularyTile logits from `from` on, by one warp: lane l takes the groups of four l, l + 32, ... in one chain, lanes are added in pairs. z = capped logit * inverse.
HE_GPU RowSum row_sum_of_tile(Global<const float> from, int n, bool vectors, float cap, float inverse) {
  constexpr int kGroups = kVocabularyTile / (4 * kWarp);
  float z[kGroups][4], m = minus_infinity();
  HE_UNROLL
  for (int g = 0; g < kGroups; ++g) {
    const int i = 4 * (static_cast<int>(lane()) + g * kWarp);
    const Four x = get_four(from, i, n, vectors && i + 4 <= n);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) {
      z[g][j] = i + j < n ? soft_capped(x.v[j], cap) * inverse : minus_infinity();
      m = m >= z[g][j] || m != m ? m : z[g][j];
    }
  }
  for (unsigned distance = 16; distance; distance /= 2) {
    const float other = shuffle_xor(m, distance);
    m = m >= other || m != m ? m : other;
  }
  const float base = m == minus_infinity() ? 0.0f : m;
  float sum = 0.0f, weighted = 0.0f;
  HE_UNROLL
  for (int g = 0; g < kGroups; ++g)
    HE_UNROLL
    for (int j = 0; j < 4; ++j) {
      const float p = exp_accurate(z[g][j] - base);
      sum += p;
      weighted = fma(p, z[g][j] == minus_infinity() ? 0.0f : z[g][j], weighted);
    }
  for (unsigned distance = 16; distance; distance /= 2) sum += shuffle_xor(sum, distance), weighted += shuffle_xor(weighted, distance);
  return {m, sum, weighted};
}

/// All tiles of a row, by one warp: lane l joins tiles l, l + 32, ... ascending, then lanes join in pairs (distance 1, 2, 4, 8, 16), the lower first. The same bits in every lane.
HE_GPU RowSum join_tiles(Global<const float> partial, int tiles) {
  RowSum mine = {minus_infinity(), 0.0f, 0.0f};
  for (int i = static_cast<int>(lane()); i < tiles; i += kWarp) mine = join(mine, get_row_sum(partial, i));
  for (unsigned distance = 1; distance < kWarp; distance *= 2) {
    const RowSum other = {shuffle_xor(mine.max, distance), shuffle_xor(mine.sum, distance), shuffle_xor(mine.weighted, distance)};
    mine = (lane() & distance) != 0 ? join(other, mine) : join(mine, other);
  }
  return mine;
}

HE_GPU float log_sum_exp(const RowSum& row) { return row.max + log_accurate(row.sum); }

/// In nats.
HE_GPU float entropy(const RowSum& row, float lse) { return lse - divide(row.weighted, row.sum); }

}  // namespace he::cuda
