// Sixteen outputs of four neighbouring inputs, a byte each: 64 bytes, four of one output side by side. One register of such bytes is what an 8-bit dot product
// takes, and a shift and a mask away from floats: one layout of a weight serves both.
// Fields of fewer bits are cut out four inputs at a time; a field never crosses its byte, so shifts may work on words of 32 bits.
#pragma once
#include "cpu/simd/v16.h"

HE_ISA_BEGIN

#if defined(__AVX512F__)

struct Quad {
  __m512i v;
};
static inline Quad load_quad(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }
static inline void store_quad(uint8_t* p, Quad q) { _mm512_storeu_si512(p, q.v); }
static inline Quad operator|(Quad a, Quad b) { return {_mm512_or_si512(a.v, b.v)}; }
// Bits of every byte after a shift of the word by `Right` places (negative: to the left).
template <int Right>
static inline Quad field(Quad q, uint8_t mask) {
  const __m512i s = Right > 0 ? _mm512_srli_epi32(q.v, Right > 0 ? Right : 0) : Right < 0 ? _mm512_slli_epi32(q.v, Right < 0 ? -Right : 0) : q.v;
  return {_mm512_and_si512(s, _mm512_set1_epi8(static_cast<char>(mask)))};
}
static inline Quad subtract(Quad q, uint8_t offset) { return {_mm512_sub_epi8(q.v, _mm512_set1_epi8(static_cast<char>(offset)))}; }
// Input J of every output.
template <int J>
static inline V16 unsigned_values(Quad q) {
  const __m512i s = J > 0 ? _mm512_srli_epi32(q.v, 8 * J) : q.v;
  return {_mm512_cvtepi32_ps(J < 3 ? _mm512_and_si512(s, _mm512_set1_epi32(255)) : s)};
}
template <int J>
static inline V16 signed_values(Quad q) {
  return {_mm512_cvtepi32_ps(_mm512_srai_epi32(J < 3 ? _mm512_slli_epi32(q.v, 24 - 8 * J) : q.v, 24))};
}

#elif defined(__AVX2__)

struct Quad {
  __m256i lo, hi;
};
static inline Quad load_quad(const uint8_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32))};
}
static inline void store_quad(uint8_t* p, Quad q) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), q.lo);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32), q.hi);
}
static inline Quad operator|(Quad a, Quad b) { return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)}; }
template <int Right>
static inline Quad field(Quad q, uint8_t mask) {
  const __m256i bits = _mm256_set1_epi8(static_cast<char>(mask));
  auto shifted = [](__m256i v) { return Right > 0 ? _mm256_srli_epi32(v, Right > 0 ? Right : 0) : Right < 0 ? _mm256_slli_epi32(v, Right < 0 ? -Right : 0) : v; };
  return {_mm256_and_si256(shifted(q.lo), bits), _mm256_and_si256(shifted(q.hi), bits)};
}
static inline Quad subtract(Quad q, uint8_t offset) {
  const __m256i o = _mm256_set1_epi8(static_cast<char>(offset));
  return {_mm256_sub_epi8(q.lo, o), _mm256_sub_epi8(q.hi, o)};
}
template <int J>
static inline V16 unsigned_values(Quad q) {
  auto values = [](__m256i v) {
    const __m256i s = J > 0 ? _mm256_srli_epi32(v, 8 * J) : v;
    return _mm256_cvtepi32_ps(J < 3 ? _mm256_and_si256(s, _mm256_set1_epi32(255)) : s);
  };
  return {values(q.lo), values(q.hi)};
}
template <int J>
static inline V16 signed_values(Quad q) {
  auto values = [](__m256i v) { return _mm256_cvtepi32_ps(_mm256_srai_epi32(J < 3 ? _mm256_slli_epi32(v, 24 - 8 * J) : v, 24)); };
  return {values(q.lo), values(q.hi)};
}

#else

struct Quad {
  uint32_t v[16];  // the first input in the lowest byte
};
static inline Quad load_quad(const uint8_t* p) {
  Quad q;
  memcpy(q.v, p, sizeof q.v);
  return q;
}
static inline void store_quad(uint8_t* p, Quad q) { memcpy(p, q.v, sizeof q.v); }
static inline Quad operator|(Quad a, Quad b) {
  for (int i = 0; i < 16; ++i) a.v[i] |= b.v[i];
  return a;
}
template <int Right>
static inline Quad field(Quad q, uint8_t mask) {
  for (uint32_t& w : q.v) w = (Right > 0 ? w >> (Right > 0 ? Right : 0) : w << (Right < 0 ? -Right : 0)) & mask * 0x01010101u;
  return q;
}
static inline Quad subtract(Quad q, uint8_t offset) {
  for (uint32_t& w : q.v) {
    uint32_t r = 0;
    for (int j = 0; j < 4; ++j) r |= (((w >> 8 * j) - offset) & 255u) << 8 * j;
    w = r;
  }
  return q;
}
template <int J>
static inline V16 unsigned_values(Quad q) {
  V16 r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<float>(q.v[i] >> 8 * J & 255u);
  return r;
}
template <int J>
static inline V16 signed_values(Quad q) {
  V16 r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<float>(static_cast<int8_t>(q.v[i] >> 8 * J & 255u));
  return r;
}

#endif

HE_ISA_END
