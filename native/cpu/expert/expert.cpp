// Routing: soft-max over the experts, the k greatest (ties: lower index first), their probabilities as weights (Shazeer et al. 2017; Jiang
// et al. 2024).
// The order of sums of the way back is docs/numerics.md's: choices ascending, dot products by lanes.
//   backward  dp_i = d_i, or (d_i - sum_j d_j w_j) / S when normalised (S: sum of the chosen p);  dl = p (dp - sum dp p)
#include "cpu/expert/expert.h"

#include "cpu/simd/exp.h"
#include "cpu/simd/lanes.h"

HE_ISA_BEGIN

namespace {

void softmax(const float* logits, int64_t n, float* p) {
  float top = -INFINITY;
  for (int64_t e = 0; e < n; ++e) top = logits[e] > top ? logits[e] : top;
  V16 sum = zero();
  for_lanes(n, [&](int64_t i, int64_t count) {
    const V16 v = exp(load_some(logits + i, count) - splat(top));
    sum = sum + (count < kLanes ? keep_n(v, count) : v);
    store_some(p + i, v, count);
  });
  const V16 total = splat(reduce_add(sum));
  for_lanes(n, [&](int64_t i, int64_t count) { store_some(p + i, load_some(p + i, count) / total, count); });
}

void route(const Routing& a, int64_t token, float* p) {
  const float* logits = a.logits + token * a.logits_stride;
  int32_t* chosen = a.chosen + token * a.chosen_stride;
  float* weights = a.weights + token * a.weights_stride;
  softmax(logits, a.experts, p);
  // k passes: experts are tens to hundreds, k is a few. Chosen by logit, so that probabilities that round to the same value keep their
  // order.
  float total = 0;
  for (int64_t i = 0; i < a.top_k; ++i) {
    int32_t best = -1;
    for (int32_t e = 0; e < a.experts; ++e) {
      bool taken = false;
      for (int64_t j = 0; j < i; ++j) taken |= chosen[j] == e;
      if (!taken && (best < 0 || logits[e] > logits[best] || (logits[best] != logits[best] && logits[e] == logits[e]))) best = e;
    }
    chosen[i] = best;
    weights[i] = p[best];
    total += p[best];
  }
  for (int64_t i = 0; a.normalize && i < a.top_k; ++i) weights[i] /= total;
}

void route_backward(const Routing& a, int64_t token, float* p) {
  const int32_t* chosen = a.chosen + token * a.chosen_stride;
  const float* d = a.d_weights + token * a.d_weights_stride;
  float* out = a.d_logits + token * a.d_logits_stride;
  softmax(a.logits + token * a.logits_stride, a.experts, p);
  float total = 1, mean = 0, dot = 0;
  if (a.normalize) {
    total = 0;
    for (int64_t i = 0; i < a.top_k; ++i) total += p[chosen[i]];
    for (int64_t i = 0; i < a.top_k; ++i) mean = fmaf(d[i], p[chosen[i]] / total, mean);
  }
  memset(out, 0, static_cast<size_t>(a.experts) * sizeof(float));
  for (int64_t i = 0; i < a.top_k; ++i) {
    out[chosen[i]] = (d[i] - mean) / total;
    dot = fmaf(out[chosen[i]], p[chosen[i]], dot);
  }
  for_lanes(a.experts, [&](int64_t i, int64_t n) { store_some(out + i, load_some(p + i, n) * (load_some(out + i, n) - splat(dot)), n); });
}

void combine(const Combination& a, int64_t token) {
  const int32_t* slots = a.slots + token * a.top_k;
  const float* weights = a.weights + token * a.weights_stride;
  float* y = a.y + token * a.y_stride;
  for_lanes(a.width, [&](int64_t c, int64_t n) {
    V16 sum = zero();
    for (int64_t i = 0; i < a.top_k; ++i) sum = fma(splat(weights[i]), load_some(a.grouped + slots[i] * a.grouped_stride + c, n), sum);
    store_some(y + c, sum, n);
  });
}

void combine_backward(const Combination& a, int64_t token) {
  const float* dy = a.dy + token * a.dy_stride;
  for (int64_t i = 0; i < a.top_k; ++i) {
    const int64_t slot = a.slots[token * a.top_k + i];
    const float* row = a.grouped + slot * a.grouped_stride;
    float* d_row = a.d_grouped + slot * a.d_grouped_stride;
    const V16 weight = splat(a.weights[token * a.weights_stride + i]);
    V16 dot = zero();
    for_lanes(a.width, [&](int64_t c, int64_t n) {
      const V16 d = load_some(dy + c, n);
      dot = fma(d, load_some(row + c, n), dot);
      store_some(d_row + c, weight * d, n);
    });
    a.d_weights[token * a.d_weights_stride + i] = reduce_add(dot);
  }
}

void load_backward(const float* logits, const float* d_probabilities, int64_t n, float* d_logits, float* p) {
  softmax(logits, n, p);
  V16 sum = zero();
  for_lanes(n, [&](int64_t i, int64_t count) { sum = fma(load_some(d_probabilities + i, count), load_some(p + i, count), sum); });
  const V16 dot = splat(reduce_add(sum));
  for_lanes(n, [&](int64_t i, int64_t count) {
    const V16 d = load_some(d_probabilities + i, count) - dot;
    store_some(d_logits + i, fma(load_some(p + i, count), d, load_some(d_logits + i, count)), count);
  });
}

}  // namespace

void fill(ExpertKernels&);
void fill(ExpertKernels& t) {
  t.route = route;
  t.route_backward = route_backward;
  t.combine = combine;
  t.combine_backward = combine_backward;
  t.softmax = softmax;
  t.load_backward = load_backward;
}

HE_ISA_END
