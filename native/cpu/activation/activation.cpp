// Activations by transformers' names, f and f':
//   relu       max(x, 0)
//   silu       x s(x), s the logistic function
//   gelu       x Phi(x), Phi the normal distribution function              Hendrycks and Gimpel 2016
//   gelu_tanh  0.5 x (1 + tanh u) = x s(2 u), u = sqrt(2/pi) (x + 0.044715 x^3)
//   traffic    every operand once; reading and writing the same place is allowed
#include "cpu/activation/activation.h"

#include "cpu/simd/exp.h"
#include "cpu/simd/lanes.h"

HE_ISA_BEGIN

namespace {

constexpr float kTanhScale = 0.79788456080f;  // sqrt(2 / pi)
constexpr float kTanhCubic = 0.044715f;

struct Value {
  V16 f, slope;
};

// Where a derivative multiplies x by something that has vanished, |x| is cut so that an infinite x does not make a NaN.
V16 within(V16 x, float limit) { return min(splat(limit), max(splat(-limit), x)); }

struct Relu {
  static V16 f(V16 x) { return max(zero(), x); }                                                   // the second argument where x is NaN
  static Value both(V16 x) { return {f(x), select_lt(x, splat(1.4e-45f), zero(), splat(1.0f))}; }  // the least denormal: x <= 0
};

struct Silu {
  static V16 f(V16 x) { return x * sigmoid(x); }
  static Value both(V16 x) {
    const V16 s = sigmoid(x), one = splat(1.0f);
    return {x * s, s * fma(within(x, 120.0f), one - s, one)};
  }
};

struct Gelu {
  static V16 f(V16 x) { return x * normal_cdf(x); }
  static Value both(V16 x) {
    const V16 p = normal_cdf(x);
    return {x * p, fma(within(x, 40.0f), normal_pdf(x), p)};
  }
};

struct GeluTanh {
  static V16 logistic(V16 x) {
    const V16 inner = x * fma(x * x, splat(kTanhCubic), splat(1.0f));
    return sigmoid(inner * splat(2.0f * kTanhScale));
  }
  static V16 f(V16 x) { return x * logistic(x); }
  static Value both(V16 x) {
    const V16 s = logistic(x), z = within(x, 40.0f);
    const V16 slope = fma(z * z, splat(3.0f * kTanhCubic), splat(1.0f)) * splat(2.0f * kTanhScale);
    return {x * s, fma(z * (s * (splat(1.0f) - s)), slope, s)};
  }
};

template <class F>
void with_kind(Activation kind, F f) {
  switch (kind) {
    case Activation::kRelu:
      return f(Relu{});
    case Activation::kSilu:
      return f(Silu{});
    case Activation::kGelu:
      return f(Gelu{});
    case Activation::kGeluTanh:
      return f(GeluTanh{});
  }
}

void activate(Activation kind, const float* x, float* y, int64_t n) {
  with_kind(kind, [&](auto k) { for_lanes(n, [&](int64_t i, int64_t count) { store_some(y + i, k.f(load_some(x + i, count)), count); }); });
}

void activate_backward(Activation kind, const float* x, const float* dy, float* dx, int64_t n) {
  with_kind(kind, [&](auto k) {
    for_lanes(
        n, [&](int64_t i, int64_t count) { store_some(dx + i, load_some(dy + i, count) * k.both(load_some(x + i, count)).slope, count); });
  });
}

void gate(Activation kind, const float* g, const float* up, float* y, int64_t n) {
  with_kind(kind, [&](auto k) {
    for_lanes(n, [&](int64_t i, int64_t count) { store_some(y + i, k.f(load_some(g + i, count)) * load_some(up + i, count), count); });
  });
}

void gate_backward(Activation kind, const float* g, const float* up, const float* dy, float* d_gate, float* d_up, int64_t n) {
  with_kind(kind, [&](auto k) {
    for_lanes(n, [&](int64_t i, int64_t count) {
      const Value v = k.both(load_some(g + i, count));
      const V16 d = load_some(dy + i, count), u = load_some(up + i, count);
      store_some(d_gate + i, d * u * v.slope, count);
      store_some(d_up + i, d * v.f, count);
    });
  });
}

void axpby(float alpha, const float* x, float beta, float* y, int64_t n) {
  const V16 a = splat(alpha), b = splat(beta);
  if (beta == 0.0f) {
    for_lanes(n, [&](int64_t i, int64_t count) { store_some(y + i, a * load_some(x + i, count), count); });
  } else {
    for_lanes(n, [&](int64_t i, int64_t count) { store_some(y + i, fma(a, load_some(x + i, count), b * load_some(y + i, count)), count); });
  }
}

void scale_columns(const float* x, const float* scale, const float* offset, float* y, int64_t n) {
  if (offset == nullptr) {
    for_lanes(n, [&](int64_t i, int64_t count) { store_some(y + i, load_some(scale + i, count) * load_some(x + i, count), count); });
  } else {
    for_lanes(n, [&](int64_t i, int64_t count) {
      store_some(y + i, fma(load_some(scale + i, count), load_some(x + i, count), load_some(offset + i, count)), count);
    });
  }
}

}  // namespace

void fill(ActivationKernels&);
void fill(ActivationKernels& t) {
  t.activate = activate;
  t.activate_backward = activate_backward;
  t.gate = gate;
  t.gate_backward = gate_backward;
  t.axpby = axpby;
  t.scale_columns = scale_columns;
}

HE_ISA_END
