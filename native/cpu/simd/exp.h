// exp, tanh, the logistic function and the normal distribution on V16: polynomials in explicit fused multiply-adds, so the same bits on
// every instruction set. Coefficients are Chebyshev fits made for this file (error of the fit in brackets); bounds are checked over the
// whole range in tests/simd/exp_test.cpp.
#pragma once
#include "cpu/simd/v16.h"

HE_ISA_BEGIN

static inline V16 absolute(V16 a) { return max(a, zero() - a); }  // NaN stays NaN
static inline V16 copy_sign(V16 magnitude, V16 sign) { return select_lt(sign, zero(), zero() - magnitude, magnitude); }

// Each x becomes e^x, for x within [-105, 89] or NaN. A chain of thirteen dependent steps: several side by side keep both multiply-add units busy where a
// scheduler cannot look far enough ahead to find the next one.
template <int N>
static inline __attribute__((always_inline)) void exp_in_range(V16 (&x)[N]) {
  V16 n[N], r[N], p[N];
  const auto each = [](auto f) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) f(i);
  };
  each([&](int i) { n[i] = round_nearest(x[i] * splat(1.44269504089f)); });
  // x - n ln 2, with ln 2 in two parts of which the first has zeros at its end: n times it is exact.
  each([&](int i) { r[i] = fnma(n[i], splat(0.693359375f), x[i]); });
  each([&](int i) { r[i] = fnma(n[i], splat(-2.12194440e-4f), r[i]); });
  // (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2 (6.6e-8)
  each([&](int i) { p[i] = fma(splat(0.001392628393f), r[i], splat(0.00836325938f)); });
  each([&](int i) { p[i] = fma(p[i], r[i], splat(0.04166655401f)); });
  each([&](int i) { p[i] = fma(p[i], r[i], splat(0.1666657651f)); });
  each([&](int i) { p[i] = fma(p[i], r[i], splat(0.5f)); });
  each([&](int i) { p[i] = fma(p[i], r[i] * r[i], r[i]) + splat(1.0f); });
  each([&](int i) { x[i] = scale_pow2(p[i], n[i]); });
}

// e^x, at most 2 units in the last place; exp(0) = 1 and exp(-inf) = 0 exactly, infinity above 88.7228, NaN stays NaN, denormal results are
// kept. Beyond the limits the result is 0 or infinity anyway; min and max give their second argument when either is NaN.
template <int N>
static inline __attribute__((always_inline)) void exp(V16 (&x)[N]) {
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) x[i] = min(splat(89.0f), max(splat(-105.0f), x[i]));
  exp_in_range(x);
}
static inline V16 exp(V16 x) {
  V16 a[1] = {x};
  exp(a);
  return a[0];
}

// The same bits for x <= 0 or NaN: a soft-max's exponents.
template <int N>
static inline __attribute__((always_inline)) void exp_not_positive(V16 (&x)[N]) {
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) x[i] = max(splat(-105.0f), x[i]);
  exp_in_range(x);
}

// 1 / (1 + e^-x)
static inline V16 sigmoid(V16 x) { return splat(1.0f) / (splat(1.0f) + exp(zero() - x)); }

static inline V16 tanh(V16 x) {
  const V16 a = absolute(x);
  const V16 z = x * x;
  // (tanh(x)/x - 1) / x^2 on |x| <= 0.625 (4.4e-8)
  V16 p = splat(-0.006096714166f);
  p = fma(p, z, splat(0.020997179f));
  p = fma(p, z, splat(-0.05385090958f));
  p = fma(p, z, splat(0.1333276974f));
  p = fma(p, z, splat(-0.3333332894f));
  const V16 small = fma(p * z, x, x);
  const V16 large = splat(1.0f) - splat(2.0f) / (exp(a + a) + splat(1.0f));
  return select_lt(a, splat(0.625f), small, copy_sign(large, x));
}

// Phi(x), the standard normal distribution function: (1 + erf(x / sqrt 2)) / 2, and at x < 0 its complement without cancellation.
static inline V16 normal_cdf(V16 x) {
  const V16 u = absolute(x) * splat(0.70710678119f);
  const V16 t = splat(1.0f) / fma(u, splat(0.5f), splat(1.0f));
  // erfc(u) e^(u^2) / t on 0 <= u <= 11 (1.7e-8)
  V16 p = splat(0.01622953849f);
  p = fma(p, t, splat(-0.1429723348f));
  p = fma(p, t, splat(0.4709929837f));
  p = fma(p, t, splat(-0.7200366716f));
  p = fma(p, t, splat(0.4575691303f));
  p = fma(p, t, splat(-0.1148638793f));
  p = fma(p, t, splat(0.2302376992f));
  p = fma(p, t, splat(0.2378537587f));
  p = fma(p, t, splat(0.2829277717f));
  p = fma(p, t, splat(0.2820619961f));
  const V16 tail = splat(0.5f) * (p * t) * exp(zero() - u * u);
  return select_lt(x, zero(), tail, splat(1.0f) - tail);
}

// The standard normal density.
static inline V16 normal_pdf(V16 x) { return splat(0.39894228040f) * exp(splat(-0.5f) * (x * x)); }

HE_ISA_END
