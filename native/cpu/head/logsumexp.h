// The soft-max statistics of one row of logits, tile by tile in the order of docs/numerics.md. The fused head and the readers of stored logits (sampling)
// call these functions, so both give a token the same log-probability, bit for bit.
//
//   RowSum row = row_sum_start();
//   for each tile of kVocabularyTile logits, ascending: row_sum_tile<false>(row, logits, n, inverse_temperature);
//   float lse = row_log_sum_exp(row), logp = logits[target] * inverse_temperature - lse;
#pragma once
#include "core/scalar_math.h"
#include "cpu/simd/exp.h"

HE_ISA_BEGIN

static constexpr int64_t kVocabularyTile = 512;  // of docs/numerics.md: not a tuning knob

struct RowSum {
  float max;       // of z so far
  float sum;       // of exp(z - max)
  float weighted;  // of exp(z - max) z, for the entropy
};

static inline RowSum row_sum_start() { return {-INFINITY, 0.0f, 0.0f}; }

// A logit of -inf has probability 0 and must add 0 to the entropy, not 0 * inf.
static inline V16 finite_from_below(V16 z) { return max(splat(-1e30f), z); }

// Lanes beyond n are -inf: they change neither the maximum nor a sum.
static inline V16 load_logits(const float* logits, int64_t n) {
  if (n >= kLanes) return load(logits);
  float t[kLanes];
  for (int i = 0; i < kLanes; ++i) t[i] = i < n ? logits[i] : -INFINITY;
  return load(t);
}

static inline float exp_of_one(float x) {
  float t[kLanes];
  store(t, exp(splat(x)));
  return t[0];
}

// Takes in the next n <= kVocabularyTile logits; z = logit * inverse_temperature. Returns the tile's own sum of exp(z - row.max).
template <bool kEntropy>
static inline float row_sum_tile(RowSum& row, const float* logits, int64_t n, float inverse_temperature) {
  const V16 scale = splat(inverse_temperature);
  V16 greatest = splat(-INFINITY);
  for (int64_t v = 0; v < n; v += kLanes) greatest = max(greatest, load_logits(logits + v, n - v) * scale);
  const float tile_max = reduce_max(greatest);
  const float m = row.max > tile_max ? row.max : tile_max;
  if (m == -INFINITY) return 0;  // nothing but impossible tokens so far
  V16 sum = zero(), weighted = zero();
  constexpr int kTogether = 4;  // exponentials side by side
  int64_t v = 0;
  for (; v + kTogether * kLanes <= n; v += kTogether * kLanes) {
    V16 p[kTogether];
#pragma GCC unroll 4
    for (int i = 0; i < kTogether; ++i) p[i] = load(logits + v + i * kLanes) * scale - splat(m);
    exp(p);
#pragma GCC unroll 4
    for (int i = 0; i < kTogether; ++i) {
      sum = sum + p[i];
      if constexpr (kEntropy) weighted = fma(p[i], finite_from_below(load(logits + v + i * kLanes) * scale), weighted);
    }
  }
  for (; v < n; v += kLanes) {
    const V16 z = load_logits(logits + v, n - v) * scale, p = exp(z - splat(m));
    sum = sum + p;
    if constexpr (kEntropy) weighted = fma(p, finite_from_below(z), weighted);
  }
  const float shrink = exp_of_one(row.max - m), total = reduce_add(sum);
  row.sum = row.sum * shrink + total;
  if constexpr (kEntropy) row.weighted = row.weighted * shrink + reduce_add(weighted);
  row.max = m;
  return total;
}

static inline float row_log_sum_exp(const RowSum& row) { return row.max + log_scalar(row.sum); }

// In nats; of rows taken in with entropy.
static inline float row_entropy(const RowSum& row, float log_sum_exp) { return log_sum_exp - row.weighted / row.sum; }

HE_ISA_END
