// Small arithmetic that kernels share.
#pragma once

namespace he::cuda {

constexpr int kWarp = 32;
constexpr float kLog2E = 1.44269504088896340736f;
constexpr float kLn2 = 0.69314718055994530942f;

HE_GPU unsigned lane() { return thread() % kWarp; }
HE_GPU unsigned warp() { return thread() / kWarp; }

HE_GPU float widen(bf16 x) { return bits_to_float(static_cast<unsigned>(x.bits) << 16); }
HE_GPU float widen_low(unsigned pair) { return bits_to_float(pair << 16); }
HE_GPU float widen_high(unsigned pair) { return bits_to_float(pair & 0xffff0000u); }
HE_GPU bf16 narrow(float x) { return {static_cast<unsigned short>(pack_bf16(x, 0.0f) & 0xffffu)}; }

HE_GPU float minus_infinity() { return bits_to_float(0xff800000u); }

HE_GPU float shuffle_xor(float v, unsigned mask) { return bits_to_float(shuffle_xor(float_to_bits(v), mask)); }

HE_GPU unsigned long long shuffle_xor(unsigned long long v, unsigned mask) {
  const unsigned low = shuffle_xor(static_cast<unsigned>(v), mask), high = shuffle_xor(static_cast<unsigned>(v >> 32), mask);
  return static_cast<unsigned long long>(high) << 32 | low;
}
HE_GPU double shuffle_xor(double v, unsigned mask) { return bits_to_double(shuffle_xor(double_to_bits(v), mask)); }

/// e^x.
HE_GPU float exp_fast(float x) { return exp2_fast(x * kLog2E); }

/// 1 - 2 / (1 + e^2x): exact to 2e-7 of 1, and +-1 beyond.
HE_GPU float tanh_fast(float x) { return 1.0f - divide(2.0f, 1.0f + exp2_fast(x * (2 * kLog2E))); }

}  // namespace he::cuda
