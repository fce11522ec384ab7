// AdamW (Loshchilov and Hutter 2019; epsilon beside the corrected root as in PyTorch) and partial sums of squares.
//   maths    g = gradient * scale;  p *= 1 - lr wd;  m += (1 - b1)(g - m);  v = b2 v + (1 - b2) g^2;  p -= lr/(1 - b1^t) m /
//   (sqrt(v)/sqrt(1 - b2^t) + eps)
//   traffic  28 bytes an element: p, m, v in and out, g in; 2 more with a bf16 copy
#include "cpu/optimizer/optimizer.h"

#include "cpu/linear/linear.h"
#include "cpu/narrow/narrow.h"
#include "cpu/simd/bf16.h"
#include "cpu/simd/lanes.h"

HE_ISA_BEGIN

namespace {

// One step of up to sixteen elements; the constants of a call are splat once.
class Step {
 public:
  explicit Step(const AdamW& a)
      : a_(a), decay_(splat(a.decay)), blend1_(splat(a.blend1)), keep2_(splat(a.keep2)), blend2_(splat(a.blend2)), step_(splat(a.step)), root_scale_(splat(a.root_scale)),
        epsilon_(splat(a.epsilon)), scale_(splat(a.gradient_scale != nullptr ? *a.gradient_scale : 1.0f)) {}

  // Returns the new parameters.
  V16 operator()(int64_t i, int64_t n) const {
    // With epsilon 0 an element that never had a gradient (padding, for one) would be 0 / 0.
    const V16 least = splat(1.17549435e-38f);
    const V16 g = load_some(a_.gradient + i, n) * scale_;
    V16 p = load_some(a_.parameter + i, n) * decay_, m = load_some(a_.m + i, n), v = load_some(a_.v + i, n);
    m = fma(blend1_, g - m, m);
    v = fma(blend2_, g * g, keep2_ * v);
    p = fnma(step_, m / max(least, fma(sqrt(v), root_scale_, epsilon_)), p);
    store_some(a_.parameter + i, p, n);
    store_some(a_.m + i, m, n);
    store_some(a_.v + i, v, n);
    return p;
  }

 private:
  const AdamW& a_;
  V16 decay_, blend1_, keep2_, blend2_, step_, root_scale_, epsilon_, scale_;
};

void adamw(const AdamW& a, int64_t begin, int64_t end) {
  const Step step(a);
  for_lanes(end - begin, [&](int64_t offset, int64_t n) { step(begin + offset, n); });
}

void adamw_copy(const AdamW& a, int64_t panel, int64_t inputs, int64_t begin, int64_t end, uint16_t* copy) {
  const Step step(a);
  const int64_t first = panel * kPanel * inputs;
  uint16_t* to = copy + panel * kNarrowPanel * narrow_padded(inputs);
  for (int64_t pair = begin; pair < end; ++pair)
    for (int64_t v = 0; v < kPanel; v += kLanes) {
      const int64_t i = first + 2 * pair * kPanel + v;
      const V16 lower = step(i, kLanes), upper = 2 * pair + 1 < inputs ? step(i + kPanel, kLanes) : zero();
      store_pairs(to + pair * 2 * kNarrowPanel + 2 * v, lower, upper);
    }
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
  t.adamw_copy = adamw_copy;
  t.sum_of_squares = sum_of_squares;
}

HE_ISA_END
