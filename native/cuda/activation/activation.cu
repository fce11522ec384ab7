// Element by element, four a thread. The formulas are those of cpu/activation/activation.cpp, operation by operation.
// Traffic: every operand once; bound by memory (gelu: some thirty operations an element beside eight bytes or more).
#include "cuda/activation/activation.h"

#include "cuda/dialect/rows.h"

namespace he::cuda {
namespace {

constexpr float kTanhScale = 0.79788456080f;  // sqrt(2 / pi)
constexpr float kTanhCubic = 0.044715f;

// The lesser, the greater; the second one where either is a NaN.
HE_GPU float lesser(float a, float b) { return a < b ? a : b; }
HE_GPU float greater(float a, float b) { return a > b ? a : b; }

struct Value {
  float f, slope;
};

// Where a derivative multiplies x by something that has vanished, |x| is cut so that an infinite x does not make a NaN.
HE_GPU float within(float x, float limit) { return lesser(limit, greater(-limit, x)); }

struct Relu {
  HE_GPU static Value both(float x) { return {greater(0.0f, x), x < 1.4e-45f ? 0.0f : x == x ? 1.0f : x}; }
};
struct Silu {
  HE_GPU static Value both(float x) {
    const float s = sigmoid(x);
    return {x * s, s * fma(within(x, 120.0f), 1.0f - s, 1.0f)};
  }
};
struct Gelu {
  HE_GPU static Value both(float x) {
    const float p = normal_cdf(x);
    return {x * p, fma(within(x, 40.0f), normal_pdf(x), p)};
  }
};
struct GeluTanh {
  HE_GPU static Value both(float x) {
    const float s = sigmoid(x * fma(x * x, kTanhCubic, 1.0f) * (2.0f * kTanhScale)), z = within(x, 40.0f);
    const float slope = fma(z * z, 3.0f * kTanhCubic, 1.0f) * (2.0f * kTanhScale);
    return {x * s, fma(z * (s * (1.0f - s)), slope, s)};
  }
};

// f(Kind{}) for a kind that all threads share.
template <class F>
HE_GPU void with_kind(int kind, const F& f) {
  if (kind == 0) f(Relu{});
  else if (kind == 1) f(Silu{});
  else if (kind == 2) f(Gelu{});
  else f(GeluTanh{});
}

// An operand's row of this block.
template <class T>
HE_GPU Global<T> row(Global<T> p, long long stride) { return p + block_y() * stride; }

HE_GPU int first_element() { return static_cast<int>(block_x()) * kElementsOfBlock + 4 * static_cast<int>(thread()); }

}  // namespace

HE_KERNEL(kElementThreads) activate_f32(ActivationArguments a) {
  const int i = first_element();
  if (i >= a.width) return;
  const bool vectors = in_vectors(a.x, a.x_stride, a.width) && in_vectors(a.y, a.y_stride, a.width);
  with_kind(a.kind, [&](auto kind) {
    Four x = get_four(row(a.x, a.x_stride), i, a.width, vectors);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) x.v[j] = kind.both(x.v[j]).f;
    set_four(row(a.y, a.y_stride), i, a.width, vectors, x);
  });
}

HE_KERNEL(kElementThreads) activate_backward_f32(ActivationArguments a) {
  const int i = first_element();
  if (i >= a.width) return;
  const bool vectors = in_vectors(a.x, a.x_stride, a.width) && in_vectors(a.dy, a.dy_stride, a.width) && in_vectors(a.y, a.y_stride, a.width);
  with_kind(a.kind, [&](auto kind) {
    const Four x = get_four(row(a.x, a.x_stride), i, a.width, vectors);
    Four d = get_four(row(a.dy, a.dy_stride), i, a.width, vectors);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) d.v[j] *= kind.both(x.v[j]).slope;
    set_four(row(a.y, a.y_stride), i, a.width, vectors, d);
  });
}

HE_KERNEL(kElementThreads) gate_f32(ActivationArguments a) {
  const int i = first_element();
  if (i >= a.width) return;
  const bool vectors = in_vectors(a.x, a.x_stride, a.width) && in_vectors(a.up, a.up_stride, a.width) && in_vectors(a.y, a.y_stride, a.width);
  with_kind(a.kind, [&](auto kind) {
    const Four x = get_four(row(a.x, a.x_stride), i, a.width, vectors);
    Four up = get_four(row(a.up, a.up_stride), i, a.width, vectors);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) up.v[j] *= kind.both(x.v[j]).f;
    set_four(row(a.y, a.y_stride), i, a.width, vectors, up);
  });
}

HE_KERNEL(kElementThreads) gate_backward_f32(ActivationArguments a) {
  const int i = first_element();
  if (i >= a.width) return;
  const bool vectors = in_vectors(a.x, a.x_stride, a.width) && in_vectors(a.up, a.up_stride, a.width) && in_vectors(a.dy, a.dy_stride, a.width) &&
                       in_vectors(a.y, a.y_stride, a.width) && in_vectors(a.d_up, a.d_up_stride, a.width);
  with_kind(a.kind, [&](auto kind) {
    Four x = get_four(row(a.x, a.x_stride), i, a.width, vectors), up = get_four(row(a.up, a.up_stride), i, a.width, vectors);
    const Four dy = get_four(row(a.dy, a.dy_stride), i, a.width, vectors);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) {
      const Value v = kind.both(x.v[j]);
      x.v[j] = dy.v[j] * up.v[j] * v.slope;
      up.v[j] = dy.v[j] * v.f;
    }
    set_four(row(a.y, a.y_stride), i, a.width, vectors, x);
    set_four(row(a.d_up, a.d_up_stride), i, a.width, vectors, up);
  });
}

HE_KERNEL(kElementThreads) axpby_f32(ScaleArguments a) {
  const int i = first_element();
  if (i >= a.width) return;
  const bool vectors = in_vectors(a.x, a.x_stride, a.width) && in_vectors(a.y, a.y_stride, a.width);
  Four x = get_four(row(a.x, a.x_stride), i, a.width, vectors);
  if (a.beta == 0.0f) {
    HE_UNROLL
    for (int j = 0; j < 4; ++j) x.v[j] *= a.alpha;
  } else {
    const Four old = get_four(row(static_cast<Global<const float>>(a.y), a.y_stride), i, a.width, vectors);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) x.v[j] = fma(a.alpha, x.v[j], a.beta * old.v[j]);
  }
  set_four(row(a.y, a.y_stride), i, a.width, vectors, x);
}

HE_KERNEL(kElementThreads) scale_columns_f32(ScaleArguments a) {
  const int i = first_element();
  if (i >= a.width) return;
  const bool with_offset = static_cast<bool>(a.offset);
  const bool vectors = in_vectors(a.x, a.x_stride, a.width) && in_vectors(a.y, a.y_stride, a.width) && in_vectors(a.scale, 4, 4) && (!with_offset || in_vectors(a.offset, 4, 4));
  Four x = get_four(row(a.x, a.x_stride), i, a.width, vectors);
  const Four scale = get_four(a.scale, i, a.width, vectors);
  Four offset = {{0.0f, 0.0f, 0.0f, 0.0f}};
  if (with_offset) offset = get_four(a.offset, i, a.width, vectors);
  HE_UNROLL
  for (int j = 0; j < 4; ++j) x.v[j] = with_offset ? fma(scale.v[j], x.v[j], offset.v[j]) : scale.v[j] * x.v[j];
  set_four(row(a.y, a.y_stride), i, a.width, vectors, x);
}

}  // namespace he::cuda
