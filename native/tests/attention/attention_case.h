// A packed batch of random sequences, and attention and its gradients on it as the definition says: what the CPU's and CUDA's kernels are compared with.
#pragma once
#include <cmath>

#include "tests/testing.h"

namespace he::testing {

struct AttentionCase {
  int64_t query_heads, key_heads, head_size;
  std::vector<int> lengths;
  bool causal = true;
  int64_t window = 0;
  float soft_cap = 0;
  bool alibi = false;
  int64_t group() const { return query_heads / key_heads; }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(head_size)); }
};

struct AttentionData {
  int64_t tokens = 0;
  std::vector<int32_t> offsets{0};
  std::vector<float> q, k, v, dy, alibi;
};

inline AttentionData make_attention(const AttentionCase& c, Random& random) {
  AttentionData d;
  for (const int length : c.lengths) d.offsets.push_back(d.offsets.back() + length);
  d.tokens = d.offsets.back();
  d.q = random.normals(d.tokens * c.query_heads * c.head_size, 1.5f);
  d.k = random.normals(d.tokens * c.key_heads * c.head_size, 1.5f);
  d.v = random.normals(d.tokens * c.key_heads * c.head_size);
  d.dy = random.normals(d.tokens * c.query_heads * c.head_size);
  if (c.alibi)
    for (int64_t h = 0; h < c.query_heads; ++h)
      d.alibi.push_back(std::exp2(-8.0f * static_cast<float>(h + 1) / static_cast<float>(c.query_heads)));
  return d;
}

struct AttentionExpected {
  std::vector<double> y, lse, dq, dk, dv;
  std::vector<double> magnitude;  // of y: the sum of |weight value|
};

// Attention as its definition says: every score of a query, one soft-max, one weighted sum; all in double.
inline AttentionExpected plain_attention(const AttentionCase& c, const AttentionData& d) {
  AttentionExpected o;
  o.y.resize(d.q.size());
  o.magnitude.resize(d.q.size());
  o.dq.resize(d.q.size());
  o.lse.resize(static_cast<size_t>(d.tokens * c.query_heads));
  o.dk.resize(d.k.size());
  o.dv.resize(d.k.size());
  const int64_t n = c.head_size, group = c.query_heads / c.key_heads;
  for (size_t s = 0; s < c.lengths.size(); ++s)
    for (int64_t h = 0; h < c.query_heads; ++h)
      for (int64_t i = 0; i < c.lengths[s]; ++i) {
        const int64_t row = (d.offsets[s] + i) * c.query_heads + h;
        std::vector<double> score(static_cast<size_t>(c.lengths[s]), -INFINITY), slope(score.size());
        const auto key = [&](int64_t j) { return ((d.offsets[s] + j) * c.key_heads + h / group) * n; };
        double top = -INFINITY, sum = 0;
        for (int64_t j = 0; j < c.lengths[s]; ++j) {
          if ((c.causal && j > i) || (c.window > 0 && i - j >= c.window)) continue;
          double x = 0;
          for (int64_t e = 0; e < n; ++e) x += static_cast<double>(d.q[row * n + e]) * d.k[key(j) + e];
          x *= c.scale();
          slope[j] = c.scale();
          if (c.soft_cap > 0) {
            const double t = std::tanh(x / c.soft_cap);
            x = c.soft_cap * t;
            slope[j] *= 1 - t * t;
          }
          if (c.alibi) x += static_cast<double>(d.alibi[h]) * static_cast<double>(j - i);
          score[j] = x;
          top = std::max(top, x);
        }
        for (const double x : score) sum += std::exp(x - top);
        o.lse[row] = top + std::log(sum);
        double dot = 0;
        for (int64_t j = 0; j < c.lengths[s]; ++j)
          for (int64_t e = 0; e < n; ++e) {
            const double term = score[j] == -INFINITY ? 0 : std::exp(score[j] - o.lse[row]) * d.v[key(j) + e];
            o.y[row * n + e] += term;
            o.magnitude[row * n + e] += std::abs(term);
          }
        for (int64_t e = 0; e < n; ++e) dot += d.dy[row * n + e] * o.y[row * n + e];
        for (int64_t j = 0; j < c.lengths[s]; ++j) {
          const double p = std::exp(score[j] - o.lse[row]);
          double dp = 0;
          for (int64_t e = 0; e < n; ++e) dp += static_cast<double>(d.dy[row * n + e]) * d.v[key(j) + e];
          const double ds = p * (dp - dot) * slope[j];
          for (int64_t e = 0; e < n; ++e) {
            o.dq[row * n + e] += ds * d.k[key(j) + e];
            o.dk[key(j) + e] += ds * d.q[row * n + e];
            o.dv[key(j) + e] += p * d.dy[row * n + e];
          }
        }
      }
  return o;
}

}  // namespace he::testing
