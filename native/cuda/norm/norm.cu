// sum = x + residual; y = (sum - mean) / sqrt(var + eps) * w + b, or sum / sqrt(mean(sum^2) + eps) * w.
// Order: thread t takes groups of four elements t, t + 128, ... in one chain; then block_sum. Rounded to T: sum before it is normalised, and y.
// Traffic: a row is read once (and the residual), written once (twice with the sum); second passes hit the first-level cache. Bound by memory.
#include "cuda/norm/norm.h"

#include "cuda/dialect/rows.h"

namespace he::cuda {
namespace {

HE_GPU float round_to(float v, Global<float>) { return v; }
HE_GPU float round_to(float v, Global<bf16>) { return widen(narrow(v)); }

template <class T>
HE_GPU void norm(const NormArguments<T>& a) {
  const long long row = block_x();
  const Global<const T> x = a.x + row * a.x_stride, residual = a.residual + row * a.residual_stride;
  const Global<T> sum = a.sum + row * a.sum_stride, y = a.y + row * a.y_stride;
  const bool add = static_cast<bool>(a.residual), with_bias = static_cast<bool>(a.bias);
  const bool vectors = in_vectors(a.x, a.x_stride, a.width) && in_vectors(a.y, a.y_stride, a.width) && in_vectors(a.weight, 4, 4) &&
                       (!add || (in_vectors(a.residual, a.residual_stride, a.width) && in_vectors(a.sum, a.sum_stride, a.width))) && (!with_bias || in_vectors(a.bias, 4, 4));
  const Shared<float> scratch = shared_array<float>(0, 2 * kNormThreads / kWarp);
  const int first = 4 * static_cast<int>(thread()), step = 4 * kNormThreads;
  const float count = static_cast<float>(a.width);

  // The sum is stored by the thread that reads it again: no barrier, and y may overwrite x.
  float total = 0.0f, squares = 0.0f;
  for (int i = first; i < a.width; i += step) {
    Four v = get_four(x, i, a.width, vectors);
    if (add) {
      const Four r = get_four(residual, i, a.width, vectors);
      HE_UNROLL
      for (int j = 0; j < 4; ++j) v.v[j] = round_to(v.v[j] + r.v[j], a.y);
      set_four(sum, i, a.width, vectors, v);
    }
    HE_UNROLL
    for (int j = 0; j < 4; ++j) total += v.v[j], squares = fma(v.v[j], v.v[j], squares);
  }
  const Global<const T> in = add ? static_cast<Global<const T>>(sum) : x;

  float mean = 0.0f;
  if (a.layer) {
    mean = divide(block_sum<kNormThreads>(total, scratch), count);
    squares = 0.0f;
    for (int i = first; i < a.width; i += step) {
      const Four v = get_four(in, i, a.width, vectors);
      HE_UNROLL
      for (int j = 0; j < 4; ++j) {
        const float centred = i + j < a.width ? v.v[j] - mean : 0.0f;
        squares = fma(centred, centred, squares);
      }
    }
  }
  const float variance = divide(block_sum<kNormThreads>(squares, scratch + kNormThreads / kWarp), count);
  const float inverse = divide(1.0f, square_root(variance + a.epsilon));
  if (a.statistics && thread() == 0) {
    a.statistics.set(row * a.statistics_stride, mean);
    a.statistics.set(row * a.statistics_stride + 1, inverse);
  }
  for (int i = first; i < a.width; i += step) {
    Four v = get_four(in, i, a.width, vectors);
    const Four w = get_four(a.weight, i, a.width, vectors);
    Four b = {{0.0f, 0.0f, 0.0f, 0.0f}};
    if (with_bias) b = get_four(a.bias, i, a.width, vectors);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) v.v[j] = fma((v.v[j] - mean) * inverse, w.v[j] + a.weight_offset, b.v[j]);
    set_four(y, i, a.width, vectors, v);
  }
}

}  // namespace

HE_KERNEL(kNormThreads) norm_f32(NormArguments<float> a) { norm(a); }
HE_KERNEL(kNormThreads) norm_bf16(NormArguments<bf16> a) { norm(a); }

}  // namespace he::cuda
