// Sixteen sums of products of bytes: weights 0 to 255 (cpu/compact/quad.h) times activations -127 to 127, exact in 32 bits on every instruction set.
//   VNNI        vpdpbusd takes a quad of each as it is
//   elsewhere   even and odd bytes go through vpmaddwd apart, widened to 16 bits: vpmaddubsw would saturate
#pragma once
#include "cpu/compact/quad.h"

HE_ISA_BEGIN

#if defined(__AVX512F__)

struct I16 {
  __m512i v;
};
static inline I16 splat_int(int32_t x) { return {_mm512_set1_epi32(x)}; }
static inline I16 load_ints(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
static inline I16 operator+(I16 a, I16 b) { return {_mm512_add_epi32(a.v, b.v)}; }
static inline V16 to_floats(I16 a) { return {_mm512_cvtepi32_ps(a.v)}; }
static inline I16 nearest_ints(V16 a) { return {_mm512_cvtps_epi32(a.v)}; }  // ties to even
// Sixteen numbers of a signed byte each.
static inline void store_bytes(void* to, I16 a) { _mm_storeu_si128(static_cast<__m128i*>(to), _mm512_cvtepi32_epi8(a.v)); }

#if defined(__AVX512VNNI__)

struct Bytes {
  __m512i v;
};
struct Word {
  __m512i v;
};
static inline Bytes bytes_of(Quad q) { return {q.v}; }
// In assembly: compilers fold the load into the product, which costs it half of its rate.
static inline Word splat_word(const int32_t* four) {
  Word w;
  __asm__("vpbroadcastd %1, %0" : "=v"(w.v) : "m"(*four));
  return w;
}
static inline I16 dot(I16 sum, const Bytes& w, const Word& a) { return {_mm512_dpbusd_epi32(sum.v, w.v, a.v)}; }

#else

struct Bytes {
  __m512i even, odd;
};
using Word = Bytes;
static inline Bytes bytes_of(Quad q) { return {_mm512_and_si512(q.v, _mm512_set1_epi16(255)), _mm512_srli_epi16(q.v, 8)}; }
static inline Word splat_word(const int32_t* four) {
  const __m512i v = _mm512_set1_epi32(*four);
  return {_mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8), _mm512_srai_epi16(v, 8)};
}
static inline I16 dot(I16 sum, const Bytes& w, const Word& a) {
  return {_mm512_add_epi32(sum.v, _mm512_add_epi32(_mm512_madd_epi16(w.even, a.even), _mm512_madd_epi16(w.odd, a.odd)))};
}

#endif

#elif defined(__AVX2__)

struct I16 {
  __m256i lo, hi;
};
struct Bytes {
  __m256i even[2], odd[2];
};
struct Word {
  __m256i even, odd;
};
static inline I16 splat_int(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
static inline I16 load_ints(const int32_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 8))};
}
static inline I16 operator+(I16 a, I16 b) { return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)}; }
static inline V16 to_floats(I16 a) { return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)}; }
static inline I16 nearest_ints(V16 a) { return {_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi)}; }
static inline void store_bytes(void* to, I16 a) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a.lo, a.hi), _MM_SHUFFLE(3, 1, 2, 0));
  _mm_storeu_si128(static_cast<__m128i*>(to), _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}
static inline Bytes bytes_of(Quad q) {
  const __m256i low = _mm256_set1_epi16(255);
  return {{_mm256_and_si256(q.lo, low), _mm256_and_si256(q.hi, low)}, {_mm256_srli_epi16(q.lo, 8), _mm256_srli_epi16(q.hi, 8)}};
}
static inline Word splat_word(const int32_t* four) {
  const __m256i v = _mm256_set1_epi32(*four);
  return {_mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8), _mm256_srai_epi16(v, 8)};
}
static inline I16 dot(I16 sum, const Bytes& w, const Word& a) {
  return {_mm256_add_epi32(sum.lo, _mm256_add_epi32(_mm256_madd_epi16(w.even[0], a.even), _mm256_madd_epi16(w.odd[0], a.odd))),
          _mm256_add_epi32(sum.hi, _mm256_add_epi32(_mm256_madd_epi16(w.even[1], a.even), _mm256_madd_epi16(w.odd[1], a.odd)))};
}

#else

struct I16 {
  int32_t v[16];
};
using Bytes = Quad;
using Word = uint32_t;
static inline I16 splat_int(int32_t x) {
  I16 r;
  for (int32_t& v : r.v) v = x;
  return r;
}
static inline I16 load_ints(const int32_t* p) {
  I16 r;
  memcpy(r.v, p, sizeof r.v);
  return r;
}
static inline I16 operator+(I16 a, I16 b) {
  for (int i = 0; i < kLanes; ++i) a.v[i] += b.v[i];
  return a;
}
static inline V16 to_floats(I16 a) {
  V16 r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<float>(a.v[i]);
  return r;
}
static inline I16 nearest_ints(V16 a) {
  I16 r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<int32_t>(nearbyintf(a.v[i]));
  return r;
}
static inline void store_bytes(void* to, I16 a) {
  int8_t bytes[kLanes];
  for (int i = 0; i < kLanes; ++i) bytes[i] = static_cast<int8_t>(a.v[i]);
  memcpy(to, bytes, sizeof bytes);
}
static inline Bytes bytes_of(Quad q) { return q; }
static inline Word splat_word(const int32_t* four) { return static_cast<uint32_t>(*four); }
static inline I16 dot(I16 sum, const Bytes& w, const Word& a) {
  for (int i = 0; i < kLanes; ++i)
    for (int j = 0; j < 4; ++j) sum.v[i] += static_cast<int32_t>(w.v[i] >> 8 * j & 255u) * static_cast<int8_t>(a >> 8 * j & 255u);
  return sum;
}

#endif

HE_ISA_END
