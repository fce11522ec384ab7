// bf16, the upper half of a float32: rounding (to nearest, ties to even; a NaN stays a quiet NaN) and widening, the same bits on every instruction set.
// A pair is two bf16 in one 32-bit word, the first in the lower half: what the dot products of pairs (vdpbf16ps, tdpbf16ps) read.
#pragma once
#include "cpu/simd/v16.h"

HE_ISA_BEGIN

static inline float from_bf16(uint16_t b) {
  const uint32_t bits = static_cast<uint32_t>(b) << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline uint32_t round_bits(uint32_t bits) {  // the rounded value's bits in the upper half, anything below
  return (bits & 0x7fffffffu) > 0x7f800000u ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u);
}

static inline uint16_t to_bf16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return static_cast<uint16_t>(round_bits(bits) >> 16);
}

#if defined(__AVX512F__)

static inline __m512i round_bits(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x), tie = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), tie);
  return _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), bits, _mm512_set1_epi32(0x400000));
}
// Whether neither holds a denormal: the conversion takes those for zeros, and the greatest of them round to the least normal number.
static inline bool no_denormals(V16 a, V16 b) {
  constexpr int kDenormal = 0x20;
  return _mm512_kortestz(_mm512_fpclass_ps_mask(a.v, kDenormal), _mm512_fpclass_ps_mask(b.v, kDenormal)) != 0;
}
// Pairs (first[i], second[i]).
static inline __m512i pairs(V16 first, V16 second) {
#if defined(__AVX512BF16__)
  if (no_denormals(first, second)) {
    const __m512i turns = _mm512_setr_epi32(0x100000, 0x110001, 0x120002, 0x130003, 0x140004, 0x150005, 0x160006, 0x170007, 0x180008, 0x190009, 0x1a000a, 0x1b000b,
                                            0x1c000c, 0x1d000d, 0x1e000e, 0x1f000f);
    return _mm512_permutexvar_epi16(turns, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second.v, first.v)));
  }
#endif
  return _mm512_mask_blend_epi16(0xaaaaaaaau, _mm512_srli_epi32(round_bits(first.v), 16), round_bits(second.v));
}
static inline void store_pairs(uint16_t* p, V16 first, V16 second) { _mm512_storeu_si512(p, pairs(first, second)); }
static inline void store_bf16(uint16_t* p, V16 a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_srli_epi32(round_bits(a.v), 16)));
}
static inline V16 load_bf16(const uint16_t* p) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16))};
}
// Sixteen pairs at p to their two halves.
static inline void load_pairs(const uint16_t* p, V16& first, V16& second) {
  const __m512i x = _mm512_loadu_si512(p);
  first = {_mm512_castsi512_ps(_mm512_slli_epi32(x, 16))};
  second = {_mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32(static_cast<int>(0xffff0000u))))};
}

#elif defined(__AVX2__)

static inline __m256i round_bits(__m256 x) {
  const __m256i bits = _mm256_castps_si256(x), tie = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), tie);
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  return _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
}
static inline __m256i pairs(__m256 first, __m256 second) { return _mm256_blend_epi16(_mm256_srli_epi32(round_bits(first), 16), round_bits(second), 0xaa); }
static inline void store_pairs(uint16_t* p, V16 first, V16 second) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), pairs(first.lo, second.lo));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 16), pairs(first.hi, second.hi));
}
static inline void store_bf16(uint16_t* p, V16 a) {
  const __m256i packed = _mm256_packus_epi32(_mm256_srli_epi32(round_bits(a.lo), 16), _mm256_srli_epi32(round_bits(a.hi), 16));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xd8));
}
static inline V16 load_bf16(const uint16_t* p) {
  const __m256i lo = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  const __m256i hi = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16))};
}
static inline void load_pairs(const uint16_t* p, V16& first, V16& second) {
  const __m256i lo = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), hi = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 16));
  const __m256i upper = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
  first = {_mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16))};
  second = {_mm256_castsi256_ps(_mm256_and_si256(lo, upper)), _mm256_castsi256_ps(_mm256_and_si256(hi, upper))};
}

#else

static inline void store_pairs(uint16_t* p, V16 first, V16 second) {
  for (int i = 0; i < kLanes; ++i) {
    p[2 * i] = to_bf16(first.v[i]);
    p[2 * i + 1] = to_bf16(second.v[i]);
  }
}
static inline void store_bf16(uint16_t* p, V16 a) {
  for (int i = 0; i < kLanes; ++i) p[i] = to_bf16(a.v[i]);
}
static inline V16 load_bf16(const uint16_t* p) {
  V16 a;
  for (int i = 0; i < kLanes; ++i) a.v[i] = from_bf16(p[i]);
  return a;
}
static inline void load_pairs(const uint16_t* p, V16& first, V16& second) {
  for (int i = 0; i < kLanes; ++i) {
    first.v[i] = from_bf16(p[2 * i]);
    second.v[i] = from_bf16(p[2 * i + 1]);
  }
}

#endif

// a rounded to bf16 and widened again.
static inline V16 through_bf16(V16 a) {
  uint16_t t[kLanes];
  store_bf16(t, a);
  return load_bf16(t);
}

HE_ISA_END
