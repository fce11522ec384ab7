// AdamW (Loshchilov and Hutter 2019; epsilon beside the corrected root as in PyTorch) and partial sums of squares.
//   maths    g = gradient * scale;  p *= 1 - lr wd;  m += (1 - b1)(g - m);  v = b2 v + (1 - b2) g^2;  p -= lr/(1 - b1^t) m /
//   (sqrt(v)/sqrt(1 - b2^t) + eps) traffic  28 bytes an element: p, m, v in and out, g in
#include "cpu/optimizer/optimizer.h"

#include "cpu/simd/lanes.h"

HE_ISA_BEGIN

namespace {

void adamw(const AdamW& a, int64_t begin, int64_t end) {
  const V16 decay = splat(a.decay), blend1 = splat(a.blend1), keep2 = splat(a.keep2), blend2 = splat(a.blend2), step = splat(a.step),
            root_scale = splat(a.root_scale), epsilon = splat(a.epsilon),
            scale = splat(a.gradient_scale != nullptr ? *a.gradient_scale : 1.0f);
  // With epsilon 0 an element that never had a gradient (padding, for one) would be 0 / 0.
  const V16 least = splat(1.17549435e-38f);
  for_lanes(end - begin, [&](int64_t offset, int64_t n) {
    const int64_t i = begin + offset;
    const V16 g = load_some(a.gradient + i, n) * scale;
    V16 p = load_some(a.parameter + i, n) * decay, m = load_some(a.m + i, n), v = load_some(a.v + i, n);
    m = fma(blend1, g - m, m);
    v = fma(blend2, g * g, keep2 * v);
    p = fnma(step, m / max(least, fma(sqrt(v), root_scale, epsilon)), p);
    store_some(a.parameter + i, p, n);
    store_some(a.m + i, m, n);
    store_some(a.v + i, v, n);
  });
}

double sum_of_squares(const float* x, int64_t n) {
  // A product of two floats is exact in double, so fusing it or not makes no difference.
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lanes[l] += static_cast<double>(x[i + l]) * static_cast<double>(x[i + l]);
  for (int l = 0; i < n; ++i, ++l) lanes[l] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double total = 0;
  for (const double lane : lanes) total += lane;
  return total;
}

}  // namespace

void fill(OptimizerKernels&);
void fill(OptimizerKernels& t) {
  t.adamw = adamw;
  t.sum_of_squares = sum_of_squares;
}

HE_ISA_END
