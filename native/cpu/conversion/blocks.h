// GGUF's blocks of 32 values. Quantizers round as ggml's reference ones do: the float32 operations and their order are part of the format.
//   Q8_0  float16 d, 32 int8 q                    x = q d
//   Q4_0  float16 d, 16 bytes of two q in 0..15   x = (q - 8) d          low halves are values 0..15, high halves 16..31
//   Q4_1  float16 d, float16 m, 16 bytes          x = q d + m
#pragma once
#include "cpu/conversion/half.h"

HE_ISA_BEGIN

static constexpr int kBlock = 32, kHalfBlock = 16;

static inline uint16_t load16(const uint8_t* p) {
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline void store16(uint8_t* p, uint16_t v) { memcpy(p, &v, sizeof v); }

// Cut off towards zero, within [low, high]; a NaN gives 0.
static inline int cut(float x, int low, int high) {
  if (!(x == x)) return 0;
  return x >= static_cast<float>(high) ? high : x <= static_cast<float>(low) ? low : static_cast<int>(x);
}

static inline float inverse_or_zero(float d) { return d != 0 ? 1.0f / d : 0.0f; }

static inline void quantize_q8_0(const float* x, uint8_t* block) {
  float greatest = 0;
  for (int i = 0; i < kBlock; ++i) {
    const float size = x[i] < 0 ? -x[i] : x[i];
    if (size > greatest) greatest = size;
  }
  const float d = greatest / 127.0f, inverse = inverse_or_zero(d);
  store16(block, to_float16(d));
  for (int i = 0; i < kBlock; ++i) {
    // Half away from zero.
    const float v = x[i] * inverse;
    const int whole = cut(v, -127, 127);
    const float rest = v - static_cast<float>(whole);
    const int q = whole + (whole < 127 && rest >= 0.5f) - (whole > -127 && rest <= -0.5f);
    block[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(q));
  }
}

static inline uint8_t two(float low, float high) { return static_cast<uint8_t>(cut(low, 0, 15) | cut(high, 0, 15) << 4); }

static inline void quantize_q4_0(const float* x, uint8_t* block) {
  float extreme = 0, size = 0;  // the value farthest from 0 becomes -8
  for (int i = 0; i < kBlock; ++i) {
    const float s = x[i] < 0 ? -x[i] : x[i];
    if (s > size) {
      size = s;
      extreme = x[i];
    }
  }
  const float d = extreme / -8.0f, inverse = inverse_or_zero(d);
  store16(block, to_float16(d));
  for (int i = 0; i < kHalfBlock; ++i) block[2 + i] = two(x[i] * inverse + 8.5f, x[i + kHalfBlock] * inverse + 8.5f);
}

static inline void quantize_q4_1(const float* x, uint8_t* block) {
  float least = 3.402823466e38f, greatest = -3.402823466e38f;
  for (int i = 0; i < kBlock; ++i) {
    if (x[i] < least) least = x[i];
    if (x[i] > greatest) greatest = x[i];
  }
  const float d = (greatest - least) / 15.0f, inverse = inverse_or_zero(d);
  store16(block, to_float16(d));
  store16(block + 2, to_float16(least));
  for (int i = 0; i < kHalfBlock; ++i) block[4 + i] = two((x[i] - least) * inverse + 0.5f, (x[i + kHalfBlock] - least) * inverse + 0.5f);
}

static inline void dequantize_q8_0(const uint8_t* block, float* x) {
  const float d = from_float16(load16(block));
  for (int i = 0; i < kBlock; ++i) x[i] = static_cast<float>(static_cast<int8_t>(block[2 + i])) * d;
}

static inline void dequantize_q4_0(const uint8_t* block, float* x) {
  const float d = from_float16(load16(block));
  for (int i = 0; i < kHalfBlock; ++i) {
    x[i] = static_cast<float>((block[2 + i] & 15) - 8) * d;
    x[i + kHalfBlock] = static_cast<float>((block[2 + i] >> 4) - 8) * d;
  }
}

static inline void dequantize_q4_1(const uint8_t* block, float* x) {
  const float d = from_float16(load16(block)), m = from_float16(load16(block + 2));
  for (int i = 0; i < kHalfBlock; ++i) {
    x[i] = static_cast<float>(block[4 + i] & 15) * d + m;
    x[i + kHalfBlock] = static_cast<float>(block[4 + i] >> 4) * d + m;
  }
}

HE_ISA_END
