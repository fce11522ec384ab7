// RMSNorm and LayerNorm.
//   maths    RMS:   y = x r w,             r = 1 / sqrt(mean(x^2) + eps)           Zhang and Sennrich 2019
//            Layer: y = (x - m) r w + b,   r = 1 / sqrt(mean((x - m)^2) + eps)     Ba et al. 2016, two passes: one pass loses the variance
//            of a large mean
//   sums     sixteen lanes ascending, then the lane tree; gradients of the weights in chunks of 64 rows, chunks by a tree
//   (docs/numerics.md) traffic  a row is read from memory once and stays in the first-level cache for the further passes
#include "cpu/norm/norm.h"

#include "cpu/simd/lanes.h"

HE_ISA_BEGIN

namespace {

void forward(const NormForward& a, int64_t row_begin, int64_t row_end) {
  const float count = static_cast<float>(a.width);
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = a.x + row * a.x_stride;
    if (a.residual != nullptr) {
      const float* residual = a.residual + row * a.residual_stride;
      float* sum = a.sum + row * a.sum_stride;
      for_lanes(a.width, [&](int64_t i, int64_t n) { store_some(sum + i, load_some(x + i, n) + load_some(residual + i, n), n); });
      x = sum;
    }
    float mean = 0;
    V16 total = zero();
    if (a.centred) {
      for_lanes(a.width, [&](int64_t i, int64_t n) { total = total + load_some(x + i, n); });
      mean = reduce_add(total) / count;
      total = zero();
      const V16 m = splat(mean);
      for_lanes(a.width, [&](int64_t i, int64_t n) {
        V16 d = load_some(x + i, n) - m;
        if (n < kLanes) d = keep_n(d, n);
        total = fma(d, d, total);
      });
    } else {
      for_lanes(a.width, [&](int64_t i, int64_t n) {
        const V16 v = load_some(x + i, n);
        total = fma(v, v, total);
      });
    }
    const float scale = 1.0f / sqrtf(reduce_add(total) / count + a.epsilon);
    const V16 m = splat(mean), r = splat(scale), offset = splat(a.weight_offset);
    float* y = a.y + row * a.y_stride;
    for_lanes(a.width, [&](int64_t i, int64_t n) {
      const V16 normal = (load_some(x + i, n) - m) * r;
      const V16 w = load_some(a.weight + i, n) + offset;
      store_some(y + i, a.bias != nullptr ? fma(normal, w, load_some(a.bias + i, n)) : normal * w, n);
    });
    if (a.statistics != nullptr) {
      a.statistics[row * a.statistics_stride] = mean;
      a.statistics[row * a.statistics_stride + 1] = scale;
    }
  }
}

// With n = (x - m) r and g = dy w:  dx = r (g - mean(g) - n mean(g n)), without mean(g) for RMS;  dw = sum of dy n;  db = sum of dy.
void backward(const NormBackward& a, int64_t chunk) {
  const int64_t begin = chunk * kNormChunk, end = begin + kNormChunk < a.rows ? begin + kNormChunk : a.rows;
  const float count = static_cast<float>(a.width);
  float* dw = a.partials != nullptr ? a.partials + chunk * 2 * a.width : nullptr;
  float* db = dw != nullptr ? dw + a.width : nullptr;
  if (dw != nullptr) memset(dw, 0, static_cast<size_t>(2 * a.width) * sizeof(float));
  const V16 offset = splat(a.weight_offset);
  for (int64_t row = begin; row < end; ++row) {
    const float* dy = a.dy + row * a.dy_stride;
    const float* x = a.sum + row * a.sum_stride;
    const V16 m = splat(a.statistics[row * a.statistics_stride]), r = splat(a.statistics[row * a.statistics_stride + 1]);
    V16 sum_g = zero(), sum_gn = zero();
    for_lanes(a.width, [&](int64_t i, int64_t n) {
      const V16 d = load_some(dy + i, n), normal = (load_some(x + i, n) - m) * r;
      const V16 g = d * (load_some(a.weight + i, n) + offset);  // 0 beyond the row
      sum_g = sum_g + g;
      sum_gn = fma(g, n < kLanes ? keep_n(normal, n) : normal, sum_gn);
      if (dw != nullptr) {
        store_some(dw + i, fma(d, normal, load_some(dw + i, n)), n);
        store_some(db + i, load_some(db + i, n) + d, n);
      }
    });
    const V16 mean_g = splat(a.centred ? reduce_add(sum_g) / count : 0.0f), mean_gn = splat(reduce_add(sum_gn) / count);
    float* dx = a.d_sum + row * a.d_sum_stride;
    for_lanes(a.width, [&](int64_t i, int64_t n) {
      const V16 g = load_some(dy + i, n) * (load_some(a.weight + i, n) + offset), normal = (load_some(x + i, n) - m) * r;
      const V16 d = r * fnma(normal, mean_gn, g - mean_g);
      store_some(dx + i, a.accumulate ? load_some(dx + i, n) + d : d, n);
    });
  }
}

void combine(float* partials, int64_t chunks, int64_t width, int which, float* d, int64_t begin, int64_t end) {
  float* p = partials + which * width;
  for (int64_t step = 1; step < chunks; step *= 2)
    for (int64_t c = 0; c + step < chunks; c += 2 * step) {
      float* left = p + c * 2 * width;
      const float* right = p + (c + step) * 2 * width;
      for_lanes(end - begin, [&](int64_t i, int64_t n) {
        store_some(left + begin + i, load_some(left + begin + i, n) + load_some(right + begin + i, n), n);
      });
    }
  for_lanes(end - begin,
            [&](int64_t i, int64_t n) { store_some(d + begin + i, load_some(d + begin + i, n) + load_some(p + begin + i, n), n); });
}

}  // namespace

void fill(NormKernels&);
void fill(NormKernels& t) {
  t.forward = forward;
  t.backward = backward;
  t.combine = combine;
}

HE_ISA_END
