// exp, tanh, log, the logistic function and the normal distribution to float32's own accuracy, where the machine's approximations would show: the float32 kernels and the sampler. All but log are the CPU's
// formulas (cpu/simd/exp.h, which says where the numbers come from) in the same fused steps, so they have its bits.
#pragma once
#include "cuda/dialect/numbers.h"

namespace he::cuda {

/// a * 2^n, n whole or NaN: in two exact halves, so that only the last product rounds.
HE_GPU float scale_pow2(float a, float n) {
  const int whole = n == n ? static_cast<int>(n) : 0, first = whole >> 1, second = whole - first;
  return a * bits_to_float(static_cast<unsigned>(first + 127) << 23) * bits_to_float(static_cast<unsigned>(second + 127) << 23);
}

/// e^x, at most 2 units in the last place; exp(0) = 1 and exp(-inf) = 0 exactly, infinity above 88.7228, NaN stays NaN, denormal results are kept.
HE_GPU float exp_accurate(float x) {
  x = x < -105.0f ? -105.0f : x > 89.0f ? 89.0f : x;
  const float n = round_nearest(x * 1.44269504089f);
  float r = fma(-n, 0.693359375f, x);
  r = fma(-n, -2.12194440e-4f, r);
  float p = fma(0.001392628393f, r, 0.00836325938f);
  p = fma(p, r, 0.04166655401f);
  p = fma(p, r, 0.1666657651f);
  p = fma(p, r, 0.5f);
  return scale_pow2(fma(p, r * r, r) + 1.0f, n);
}

HE_GPU float tanh_accurate(float x) {
  const float a = x < 0 ? -x : x, z = x * x;
  if (a < 0.625f) {
    float p = fma(-0.006096714166f, z, 0.020997179f);
    p = fma(p, z, -0.05385090958f);
    p = fma(p, z, 0.1333276974f);
    p = fma(p, z, -0.3333332894f);
    return fma(p * z, x, x);
  }
  const float large = 1.0f - divide(2.0f, exp_accurate(a + a) + 1.0f);
  return x < 0 ? -large : large;
}

/// The natural logarithm, to 2 units in the last place (near 1: to 1e-7 of x - 1); -inf at 0, NaN below.
/// x = m 2^e with m within [sqrt(1/2), sqrt(2)); log m = 2 artanh((m - 1) / (m + 1)) by its series, whose next term is below 3e-9 of it.
HE_GPU float log_accurate(float x) {
  if (!(x > 0)) return x == 0 ? minus_infinity() : x + minus_infinity() - minus_infinity();
  if (x > 3.4e38f) return x;  // infinity, as good as
  float e = 0.0f;
  if (x < 1.17549435e-38f) x *= 16777216.0f, e = -24.0f;
  const unsigned bits = float_to_bits(x) - 0x3f3504f3u;  // the exponent now counts from sqrt(1/2)
  e += static_cast<float>(static_cast<int>(bits) >> 23);
  const float m = bits_to_float((bits & 0x7fffffu) + 0x3f3504f3u);
  const float s = divide(m - 1.0f, m + 1.0f), z = s * s;
  float p = fma(0.11111111f, z, 0.14285715f);
  p = fma(p, z, 0.2f);
  p = fma(p, z, 0.33333334f);
  const float tail = fma(e, -2.12194440e-4f, 2.0f * s * (z * p));
  return fma(e, 0.693359375f, 2.0f * s + tail);
}

/// 1 / (1 + e^-x)
HE_GPU float sigmoid(float x) { return divide(1.0f, 1.0f + exp_accurate(0.0f - x)); }

/// Phi(x): (1 + erf(x / sqrt 2)) / 2, and at x < 0 its complement without cancellation.
HE_GPU float normal_cdf(float x) {
  const float u = (x > 0.0f - x ? x : 0.0f - x) * 0.70710678119f;
  const float t = divide(1.0f, fma(u, 0.5f, 1.0f));
  float p = 0.01622953849f;
  p = fma(p, t, -0.1429723348f);
  p = fma(p, t, 0.4709929837f);
  p = fma(p, t, -0.7200366716f);
  p = fma(p, t, 0.4575691303f);
  p = fma(p, t, -0.1148638793f);
  p = fma(p, t, 0.2302376992f);
  p = fma(p, t, 0.2378537587f);
  p = fma(p, t, 0.2829277717f);
  p = fma(p, t, 0.2820619961f);
  const float tail = 0.5f * (p * t) * exp_accurate(0.0f - u * u);
  return x < 0.0f ? tail : 1.0f - tail;
}

/// The standard normal density.
HE_GPU float normal_pdf(float x) { return 0.39894228040f * exp_accurate(-0.5f * (x * x)); }

}  // namespace he::cuda
