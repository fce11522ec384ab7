// From logits to their gradients, row by row: what the backward of a float32 and of a bf16 head share.
//   dz = d_log_prob (onehot - p) + d_log_sum_exp p + d_entropy (-p (z - lse + entropy)), through temperature and cap
#pragma once
#include "cpu/head/head_isa.h"
#include "cpu/head/logsumexp.h"

HE_ISA_BEGIN

// What the gradient of one row needs beside its logits.
struct RowGradient {
  float log_sum_exp, entropy, d_log_prob, d_log_sum_exp, d_entropy;
};

static inline RowGradient row_gradient(const HeadInputs& in, const HeadGradients& g, int64_t t) {
  const bool chosen = in.targets[t] >= 0 && g.d_log_prob != nullptr;
  return {g.log_sum_exp[t], g.d_entropy != nullptr ? g.entropy[t] : 0.0f, chosen ? g.d_log_prob[t] : 0.0f, g.d_log_sum_exp != nullptr ? g.d_log_sum_exp[t] : 0.0f,
          g.d_entropy != nullptr ? g.d_entropy[t] : 0.0f};
}

// Logits (capped) to dlogits, in place. target: in the tile, or outside of [0, columns).
static inline void logits_to_gradient(float* logits, int64_t columns, const RowGradient& g, int64_t target, float inverse_temperature, float soft_cap) {
  const V16 scale = splat(inverse_temperature), lse = splat(g.log_sum_exp), entropy = splat(g.entropy), d_entropy = splat(g.d_entropy);
  const V16 base = splat(g.d_log_sum_exp - g.d_log_prob), cap = splat(soft_cap), one = splat(1.0f);
  float lanes[kLanes];
  for (int64_t v = 0; v < columns; v += kLanes) {
    const int64_t n = columns - v < kLanes ? columns - v : kLanes;
    const V16 logit = load_n(logits + v, n), z = logit * scale, p = exp(z - lse);
    V16 weight = base;
    if (g.d_entropy != 0.0f) weight = weight - d_entropy * (finite_from_below(z) - lse + entropy);
    V16 d = p * weight;
    if (target >= v && target < v + kLanes) {
      store(lanes, d);
      lanes[target - v] += g.d_log_prob;
      d = load(lanes);
    }
    d = d * scale;
    if (soft_cap > 0) {
      const V16 t = logit / cap;
      d = d * (one - t * t);
    }
    store_n(logits + v, d, n);
  }
}

static constexpr int64_t kGradientStride = kVocabularyTile + 16;  // not a power of two: rows that are read together lie in different cache sets

// Logits [rows, kGradientStride] of tokens [token, token + rows) against one tile to their gradients, in place; shared out over the threads.
static inline void tile_to_gradient(const Resources& r, const HeadInputs& in, const HeadGradients& g, int64_t token, int64_t rows, int64_t first, int64_t columns,
                                    float* logits) {
  constexpr int64_t kTaskRows = 24;
  const float inverse_temperature = 1.0f / in.temperature;
  r.pool.parallel_for((rows + kTaskRows - 1) / kTaskRows, [&](int64_t task) {
    const int64_t end = (task + 1) * kTaskRows < rows ? (task + 1) * kTaskRows : rows;
    for (int64_t i = task * kTaskRows; i < end; ++i) {
      float* row = logits + i * kGradientStride;
      if (in.soft_cap > 0) cap_logits(row, columns, in.soft_cap);
      logits_to_gradient(row, columns, row_gradient(in, g, token + i), in.targets[token + i] - first, inverse_temperature, in.soft_cap);
    }
  });
}

HE_ISA_END
