// float16 and bfloat16 as bits, rounded to nearest even. Integer arithmetic only, so every instruction set gives the same bits.
#pragma once
#include <stdint.h>
#include <string.h>

#include "cpu/simd/isa.h"

HE_ISA_BEGIN

static inline uint32_t bits_of(float x) {
  uint32_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}
static inline float float_of(uint32_t b) {
  float x;
  memcpy(&x, &b, sizeof x);
  return x;
}

static inline float from_bfloat16(uint16_t h) { return float_of(static_cast<uint32_t>(h) << 16); }

static inline uint16_t to_bfloat16(float x) {
  const uint32_t b = bits_of(x);
  const uint32_t nan = (b >> 16) | 0x40u, rounded = (b + 0x7FFFu + (b >> 16 & 1u)) >> 16;
  return static_cast<uint16_t>(x != x ? nan : rounded);
}

static inline float from_float16(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16, rest = h & 0x7FFFu;
  if (rest >= 0x7C00u) return float_of(sign | 0x7F800000u | rest << 13);  // infinity, NaN
  if (rest >= 0x0400u) return float_of(sign | ((rest << 13) + 0x38000000u));
  // Denormal: rest * 2^-24, exact; the sign is put on afterwards so that -0 stays.
  return float_of(sign | bits_of(static_cast<float>(rest) * 0x1p-24f));
}

static inline uint16_t to_float16(float x) {
  const uint32_t b = bits_of(x), sign = b >> 16 & 0x8000u, rest = b & 0x7FFFFFFFu;
  uint32_t h;
  if (rest > 0x7F800000u) {
    h = 0x7E00u | (rest >> 13 & 0x3FFu);  // a quiet NaN with what fits of its payload
  } else if (rest >= 0x477FF000u) {
    h = 0x7C00u;  // rounds beyond 65504
  } else if (rest >= 0x38800000u) {
    h = (rest - 0x38000000u + 0xFFFu + (rest >> 13 & 1u)) >> 13;
  } else {
    // Denormal: adding 0.5 lines the sixteen-bit mantissa up with the end of the float's, and rounds to nearest even on the way.
    h = bits_of(float_of(rest) + 0.5f) - 0x3F000000u;
  }
  return static_cast<uint16_t>(sign | h);
}

HE_ISA_END
