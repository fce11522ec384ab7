// V16: sixteen float32 lanes on every instruction set (one zmm, two ymm, or a plain array).
// All arithmetic is IEEE with explicit fused multiply-adds, and reductions use one fixed tree, so every instruction set gives the same bits:
// the variants differ in speed only (docs/numerics.md), and the tests compare them exactly.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "cpu/simd/isa.h"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

HE_ISA_BEGIN

static constexpr int kLanes = 16;

#if defined(__AVX512F__)

struct V16 {
  __m512 v;
};
static inline V16 zero() { return {_mm512_setzero_ps()}; }
static inline V16 splat(float x) { return {_mm512_set1_ps(x)}; }
static inline V16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
static inline void store(float* p, V16 a) { _mm512_storeu_ps(p, a.v); }
// The first n lanes (0 <= n <= 16); the others are 0 and memory beyond them is not touched.
static inline V16 load_n(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p)}; }
static inline void store_n(float* p, V16 a, int64_t n) { _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1u), a.v); }
static inline V16 operator+(V16 a, V16 b) { return {_mm512_add_ps(a.v, b.v)}; }
static inline V16 operator-(V16 a, V16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
static inline V16 operator*(V16 a, V16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
static inline V16 operator/(V16 a, V16 b) { return {_mm512_div_ps(a.v, b.v)}; }
static inline V16 fma(V16 a, V16 b, V16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }    // a*b + c, one rounding
static inline V16 fnma(V16 a, V16 b, V16 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }  // c - a*b, one rounding
static inline V16 max(V16 a, V16 b) { return {_mm512_max_ps(a.v, b.v)}; }                  // b where either is NaN
static inline V16 min(V16 a, V16 b) { return {_mm512_min_ps(a.v, b.v)}; }
static inline V16 sqrt(V16 a) { return {_mm512_sqrt_ps(a.v)}; }
static inline V16 round_nearest(V16 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
// a * 2^n for integral n, |n| <= 252, and a within [2^-60, 2^60] (one rounding, also into the denormals) or NaN.
static inline V16 scale_pow2(V16 a, V16 n) { return {_mm512_scalef_ps(a.v, n.v)}; }
// if_true where a < b, else if_false (also where a or b is NaN)
static inline V16 select_lt(V16 a, V16 b, V16 if_true, V16 if_false) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), if_false.v, if_true.v)};
}

#elif defined(__AVX2__)

struct V16 {
  __m256 lo, hi;
};
static inline V16 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
static inline V16 splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
static inline V16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
static inline void store(float* p, V16 a) {
  _mm256_storeu_ps(p, a.lo);
  _mm256_storeu_ps(p + 8, a.hi);
}
static inline V16 load_n(const float* p, int64_t n) {
  float t[16] = {};
  memcpy(t, p, static_cast<size_t>(n) * sizeof(float));
  return load(t);
}
static inline void store_n(float* p, V16 a, int64_t n) {
  float t[16];
  store(t, a);
  memcpy(p, t, static_cast<size_t>(n) * sizeof(float));
}
static inline V16 operator+(V16 a, V16 b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
static inline V16 operator-(V16 a, V16 b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
static inline V16 operator*(V16 a, V16 b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
static inline V16 operator/(V16 a, V16 b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
static inline V16 fma(V16 a, V16 b, V16 c) { return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)}; }
static inline V16 fnma(V16 a, V16 b, V16 c) { return {_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)}; }
static inline V16 max(V16 a, V16 b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
static inline V16 min(V16 a, V16 b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
static inline V16 sqrt(V16 a) { return {_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)}; }
static inline V16 round_nearest(V16 a) {
  return {_mm256_round_ps(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), _mm256_round_ps(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
static inline __m256 scale_pow2_half(__m256 a, __m256 n) {
  // In two exact halves, so that only the last product can round (into the denormals) or overflow.
  const __m256i whole = _mm256_cvtps_epi32(n), first = _mm256_srai_epi32(whole, 1), bias = _mm256_set1_epi32(127);
  const __m256i second = _mm256_sub_epi32(whole, first);
  a = _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(first, bias), 23)));
  return _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(second, bias), 23)));
}
static inline V16 scale_pow2(V16 a, V16 n) { return {scale_pow2_half(a.lo, n.lo), scale_pow2_half(a.hi, n.hi)}; }
static inline V16 select_lt(V16 a, V16 b, V16 if_true, V16 if_false) {
  return {_mm256_blendv_ps(if_false.lo, if_true.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ)),
          _mm256_blendv_ps(if_false.hi, if_true.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ))};
}

#else

struct V16 {
  float v[16];
};
#define HE_LANES(expression)                      \
  V16 r;                                          \
  for (int i = 0; i < 16; ++i) r.v[i] = expression; \
  return r
static inline V16 zero() { return V16{}; }
static inline V16 splat(float x) { HE_LANES(x); }
static inline V16 load(const float* p) { HE_LANES(p[i]); }
static inline void store(float* p, V16 a) { memcpy(p, a.v, sizeof a.v); }
static inline V16 load_n(const float* p, int64_t n) { HE_LANES(i < n ? p[i] : 0.0f); }
static inline void store_n(float* p, V16 a, int64_t n) { memcpy(p, a.v, static_cast<size_t>(n) * sizeof(float)); }
static inline V16 operator+(V16 a, V16 b) { HE_LANES(a.v[i] + b.v[i]); }
static inline V16 operator-(V16 a, V16 b) { HE_LANES(a.v[i] - b.v[i]); }
static inline V16 operator*(V16 a, V16 b) { HE_LANES(a.v[i] * b.v[i]); }
static inline V16 operator/(V16 a, V16 b) { HE_LANES(a.v[i] / b.v[i]); }
static inline V16 fma(V16 a, V16 b, V16 c) { HE_LANES(fmaf(a.v[i], b.v[i], c.v[i])); }
static inline V16 fnma(V16 a, V16 b, V16 c) { HE_LANES(fmaf(-a.v[i], b.v[i], c.v[i])); }
static inline V16 max(V16 a, V16 b) { HE_LANES(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
static inline V16 min(V16 a, V16 b) { HE_LANES(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
static inline V16 sqrt(V16 a) { HE_LANES(sqrtf(a.v[i])); }
static inline V16 round_nearest(V16 a) { HE_LANES(nearbyintf(a.v[i])); }
// A NaN count comes with a NaN: any scale keeps it.
static inline V16 scale_pow2(V16 a, V16 n) { HE_LANES(ldexpf(a.v[i], n.v[i] == n.v[i] ? static_cast<int>(n.v[i]) : 0)); }
static inline V16 select_lt(V16 a, V16 b, V16 if_true, V16 if_false) { HE_LANES(a.v[i] < b.v[i] ? if_true.v[i] : if_false.v[i]); }
#undef HE_LANES

#endif

// Sum of the lanes by one fixed tree: halves, quarters, ... (lane i + lane i+8, then +4, +2, +1). The greatest lane by the same tree (max's rule for NaN).
#if defined(__AVX2__)
#if defined(__AVX512F__)
static inline __m256 lower_half(V16 a) { return _mm512_castps512_ps256(a.v); }
static inline __m256 upper_half(V16 a) { return _mm512_extractf32x8_ps(a.v, 1); }
#else
static inline __m256 lower_half(V16 a) { return a.lo; }
static inline __m256 upper_half(V16 a) { return a.hi; }
#endif
static inline float reduce_add(V16 a) {
  const __m256 eight = _mm256_add_ps(lower_half(a), upper_half(a));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
static inline float reduce_max(V16 a) {
  const __m256 eight = _mm256_max_ps(lower_half(a), upper_half(a));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
// The same tree for four vectors at once, in a third of the steps: out[r] = reduce_add(a[r]). The operands of every addition and comparison are
// those of the single reduction, in its order.
template <class Combine4, class Combine8>
static inline __attribute__((always_inline)) void reduce_four(const V16* a, float* out, Combine4 combine4, Combine8 combine8) {
  __m256 e[4];
  for (int r = 0; r < 4; ++r) e[r] = combine8(lower_half(a[r]), upper_half(a[r]));
  // Rows 0 and 1 (then 2 and 3) in one register's halves, four lanes of each; then all four rows, two lanes of each.
  const __m256 f = combine8(_mm256_permute2f128_ps(e[0], e[1], 0x20), _mm256_permute2f128_ps(e[0], e[1], 0x31));
  const __m256 g = combine8(_mm256_permute2f128_ps(e[2], e[3], 0x20), _mm256_permute2f128_ps(e[2], e[3], 0x31));
  const __m256 h = combine8(_mm256_shuffle_ps(f, g, _MM_SHUFFLE(1, 0, 1, 0)), _mm256_shuffle_ps(f, g, _MM_SHUFFLE(3, 2, 3, 2)));
  const __m128 even = _mm256_castps256_ps128(h), odd = _mm256_extractf128_ps(h, 1);  // rows 0 and 2, rows 1 and 3
  const __m128 low = _mm_shuffle_ps(even, odd, _MM_SHUFFLE(2, 0, 2, 0)), high = _mm_shuffle_ps(even, odd, _MM_SHUFFLE(3, 1, 3, 1));
  const __m128 sums = combine4(low, high);  // rows 0, 2, 1, 3
  _mm_storeu_ps(out, _mm_shuffle_ps(sums, sums, _MM_SHUFFLE(3, 1, 2, 0)));
}
static inline void reduce_add4(const V16* a, float* out) {
  reduce_four(a, out, [](__m128 x, __m128 y) { return _mm_add_ps(x, y); }, [](__m256 x, __m256 y) { return _mm256_add_ps(x, y); });
}
static inline void reduce_max4(const V16* a, float* out) {
  reduce_four(a, out, [](__m128 x, __m128 y) { return _mm_max_ps(x, y); }, [](__m256 x, __m256 y) { return _mm256_max_ps(x, y); });
}
#else
static inline float reduce_add(V16 a) {
  for (int h = 8; h > 0; h /= 2)
    for (int i = 0; i < h; ++i) a.v[i] += a.v[i + h];
  return a.v[0];
}
static inline float reduce_max(V16 a) {
  for (int h = 8; h > 0; h /= 2)
    for (int i = 0; i < h; ++i) a.v[i] = a.v[i] > a.v[i + h] ? a.v[i] : a.v[i + h];
  return a.v[0];
}
static inline void reduce_add4(const V16* a, float* out) {
  for (int r = 0; r < 4; ++r) out[r] = reduce_add(a[r]);
}
static inline void reduce_max4(const V16* a, float* out) {
  for (int r = 0; r < 4; ++r) out[r] = reduce_max(a[r]);
}
#endif

HE_ISA_END
