// Sixteen floats from sixteen narrower numbers; exact.
#pragma once
#include "cpu/conversion/half.h"
#include "cpu/simd/v16.h"

HE_ISA_BEGIN

#if defined(__AVX512F__)

static inline __m128i load_bytes(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
static inline V16 load_bfloat16(const uint8_t* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
static inline V16 load_float16(const uint8_t* p) { return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))}; }
static inline V16 load_int8(const uint8_t* p) { return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_bytes(p)))}; }
// The low (0) or high (1) halves of sixteen bytes: 0 to 15, or -8 to 7.
template <int Half>
static inline V16 load_nibbles(const uint8_t* p) {
  const __m512i wide = _mm512_cvtepu8_epi32(load_bytes(p));
  return {_mm512_cvtepi32_ps(Half == 0 ? _mm512_and_si512(wide, _mm512_set1_epi32(15)) : _mm512_srli_epi32(wide, 4))};
}

#elif defined(__AVX2__)

static inline __m128i load_bytes(const uint8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
static inline __m128i load_words(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
static inline __m256 half_of_bfloat16(const uint8_t* p) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_words(p)), 16)); }
static inline V16 load_bfloat16(const uint8_t* p) { return {half_of_bfloat16(p), half_of_bfloat16(p + 16)}; }
static inline V16 load_float16(const uint8_t* p) { return {_mm256_cvtph_ps(load_words(p)), _mm256_cvtph_ps(load_words(p + 16))}; }
static inline __m256 half_of_int8(const uint8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load_bytes(p))); }
static inline V16 load_int8(const uint8_t* p) { return {half_of_int8(p), half_of_int8(p + 8)}; }
template <int Half>
static inline __m256 half_of_nibbles(const uint8_t* p) {
  const __m256i wide = _mm256_cvtepu8_epi32(load_bytes(p));
  return _mm256_cvtepi32_ps(Half == 0 ? _mm256_and_si256(wide, _mm256_set1_epi32(15)) : _mm256_srli_epi32(wide, 4));
}
template <int Half>
static inline V16 load_nibbles(const uint8_t* p) {
  return {half_of_nibbles<Half>(p), half_of_nibbles<Half>(p + 8)};
}

#else

static inline V16 load_bfloat16(const uint8_t* p) {
  V16 r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = from_bfloat16(static_cast<uint16_t>(p[2 * i] | p[2 * i + 1] << 8));
  return r;
}
static inline V16 load_float16(const uint8_t* p) {
  V16 r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = from_float16(static_cast<uint16_t>(p[2 * i] | p[2 * i + 1] << 8));
  return r;
}
static inline V16 load_int8(const uint8_t* p) {
  V16 r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<float>(static_cast<int8_t>(p[i]));
  return r;
}
template <int Half>
static inline V16 load_nibbles(const uint8_t* p) {
  V16 r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<float>(Half == 0 ? p[i] & 15 : p[i] >> 4);
  return r;
}

#endif

HE_ISA_END
