// AdamW (Loshchilov and Hutter 2019; epsilon beside the corrected root as in PyTorch):
//   g = gradient * scale;  p *= decay;  m += blend1 (g - m);  v = keep2 v + blend2 g^2;  p -= step m / (root_scale sqrt(v) + eps): the CPU's operations in its order, so its bits.
// Squared norm in float64, in which a product of two floats is exact: thread t of 256 takes elements t, t + 256, ... of a chunk of 4096, then pairs of lanes, then warps ascending; partial sums
// likewise, t, t + 256, ...
// Traffic: AdamW 28 bytes an element, 2 more with a bf16 copy; the norm 4. Bound by memory, the norm's float64 included (one addition for four bytes).
#include "cuda/optimizer/optimizer.h"

#include "cuda/dialect/rows.h"

namespace he::cuda {
namespace {

// The sum over the block, in thread 0.
HE_GPU double block_total(double v) {
  const Shared<double> scratch = shared_array<double>(0, kOptimizerThreads / kWarp);
  for (unsigned distance = 16; distance; distance /= 2) v += shuffle_xor(v, distance);
  if (lane() == 0) scratch.set(static_cast<int>(warp()), v);
  sync_block();
  double sum = 0.0;
  if (thread() == 0)
    for (int w = 0; w < kOptimizerThreads / kWarp; ++w) sum += scratch.get(w);
  return sum;
}

HE_GPU float adamw_of(const AdamWArguments& a, float scale, float gradient, float p, float& m, float& v) {
  const float g = gradient * scale;
  m = fma(a.blend1, g - m, m);
  v = fma(a.blend2, g * g, a.keep2 * v);
  const float root = fma(square_root(v), a.root_scale, a.epsilon);
  // With epsilon 0 an element that never had a gradient (padding, for one) would be 0 / 0.
  return fma(-a.step, divide(m, root < 1.17549435e-38f ? 1.17549435e-38f : root), p * a.decay);
}

}  // namespace

HE_KERNEL(kOptimizerThreads) adamw(AdamWArguments a) {
  const long long first = (static_cast<long long>(block_x()) * kOptimizerThreads + thread()) * 4;
  if (first >= a.count) return;
  const float scale = a.gradient_scale ? a.gradient_scale.get(0) : 1.0f;
  const int n = a.count - first < 4 ? static_cast<int>(a.count - first) : 4;
  const bool whole = n == 4 && in_vectors(a.parameter + first, 4, 4) && in_vectors(a.m + first, 4, 4) && in_vectors(a.v + first, 4, 4) && in_vectors(a.gradient + first, 4, 4);
  const Four g = get_four(a.gradient + first, 0, n, whole);
  Four p = get_four(static_cast<Global<const float>>(a.parameter) + first, 0, n, whole), m = get_four(static_cast<Global<const float>>(a.m) + first, 0, n, whole);
  Four v = get_four(static_cast<Global<const float>>(a.v) + first, 0, n, whole);
  HE_UNROLL
  for (int j = 0; j < 4; ++j) p.v[j] = adamw_of(a, scale, g.v[j], p.v[j], m.v[j], v.v[j]);
  set_four(a.parameter + first, 0, n, whole, p);
  set_four(a.m + first, 0, n, whole, m);
  set_four(a.v + first, 0, n, whole, v);
  if (a.copy) set_four(a.copy + first, 0, n, n == 4 && in_vectors(a.copy + first, 4, 4), p);
}

HE_KERNEL(kOptimizerThreads) squared_norm(SquaredNormArguments a) {
  const long long begin = static_cast<long long>(block_x()) * kNormElements, end = begin + kNormElements < a.count ? begin + kNormElements : a.count;
  double sum = 0.0;
  for (long long i = begin + thread(); i < end; i += kOptimizerThreads) {
    const double x = static_cast<double>(a.x.get(i));
    sum += x * x;
  }
  sum = block_total(sum);
  if (thread() == 0) a.partial.set(block_x(), sum);
}

HE_KERNEL(kOptimizerThreads) sum_partials(SumPartialsArguments a) {
  double sum = 0.0;
  for (long long i = thread(); i < a.count; i += kOptimizerThreads) sum += a.partial.get(i);
  sum = block_total(sum);
  if (thread() == 0) a.result.set(0, sum);
}

HE_KERNEL(32) clip_coefficient(ClipArguments a) {
  if (thread() != 0) return;
  const double squared = a.squared_norm.get(0), clip = a.max_norm / (square_root(squared) + 1e-6);
  float coefficient = a.max_norm <= 0 || clip > 1 ? 1.0f : static_cast<float>(clip);
  if (!(squared >= 0 && squared <= 1.7976931348623157e308)) coefficient = bits_to_float(0x7fc00000u);
  a.coefficient.set(0, coefficient);
}

}  // namespace he::cuda
