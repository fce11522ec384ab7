// The tokens that filters still allow: a short list in place of passes over the vocabulary. Sums go by lanes of the id, so that a list and a whole row in
// which everything else has weight 0 give the same float64 sums.
#pragma once
#include "cpu/sampling/sums.h"

HE_ISA_BEGIN

struct Candidates {
  int32_t* ids;  // ascending; all three have room for the vocabulary in whole vectors
  float* z;      // logit / temperature
  float* w;      // exp(z - greatest)
  int64_t count;
};

// Of tokens v .. v + n (n <= 16) those whose key is not less than `bound` are appended with their z; returns the new count. Writes sixteen places.
#if defined(__AVX512F__)
static inline int64_t append(Candidates& c, int64_t count, int64_t v, int64_t n, V16 z, V16 key, float bound) {
  const __mmask16 kept = static_cast<__mmask16>(_mm512_cmp_ps_mask(key.v, splat(bound).v, _CMP_NLT_UQ) & ((1u << n) - 1u));
  const __m512i ids = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(v)), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  _mm512_storeu_si512(c.ids + count, _mm512_maskz_compress_epi32(kept, ids));
  _mm512_storeu_ps(c.z + count, _mm512_maskz_compress_ps(kept, z.v));
  return count + __builtin_popcount(kept);
}
#else
static inline int64_t append(Candidates& c, int64_t count, int64_t v, int64_t n, V16 z, V16 key, float bound) {
  float zs[kLanes], keys[kLanes];
  store(zs, z);
  store(keys, key);
  for (int64_t l = 0; l < n; ++l) {
    c.ids[count] = static_cast<int32_t>(v + l);
    c.z[count] = zs[l];
    count += !(keys[l] < bound);
  }
  return count;
}
#endif

// Keeps those that keep(i) says; without a branch, since nothing predicts it.
template <class Keep>
static inline void retain(Candidates& c, Keep keep) {
  int32_t* ids = c.ids;
  float *z = c.z, *w = c.w;
  int64_t n = 0;
  for (int64_t i = 0, count = c.count; i < count; ++i) {
    const bool kept = keep(i);
    ids[n] = ids[i];
    z[n] = z[i];
    w[n] = w[i];
    n += kept;
  }
  c.count = n;
}

// The sum of f(i) over candidates [begin, end): token v goes to lane v % 16, lanes are added in order.
template <class F>
static inline double lane_sum(const Candidates& c, int64_t begin, int64_t end, F f) {
  double lanes[kLanes] = {};
  for (int64_t i = begin; i < end; ++i) lanes[c.ids[i] % kLanes] += f(i);
  double total = 0;
  for (const double lane : lanes) total += lane;
  return total;
}

static inline double sum_of(const Candidates& c) {
  return lane_sum(c, 0, c.count, [&](int64_t i) { return static_cast<double>(c.w[i]); });
}

static inline float greatest_weight(const Candidates& c) { return greatest(c.w, c.count); }

HE_ISA_END
