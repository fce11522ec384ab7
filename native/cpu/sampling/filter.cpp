// Filters of tokens after the temperature, each on what the former left:
//   top-n-sigma (Tang et al. 2024), top-k (Fan et al. 2018), top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024), typical (Meister et
//   al. 2023), epsilon and eta (Hewitt et al. 2022)
// A removed token has weight 0. Nothing is sorted: thresholds are found digit by digit (threshold.h).
#include <math.h>

#include "core/scalar_math.h"
#include "cpu/sampling/kernels.h"
#include "cpu/sampling/sums.h"
#include "cpu/sampling/threshold.h"

HE_ISA_BEGIN

namespace {

// Ids of the values not below `bound`, ascending; returns how many.
int64_t candidates(const float* x, int64_t n, float bound, int32_t* ids) {
  int64_t count = 0;
  for (int64_t v = 0; v < n; ++v) {
    ids[count] = static_cast<int32_t>(v);
    count += x[v] >= bound;
  }
  return count;
}

// Sets weights to 0 where z is below `least`.
void drop_below(const float* z, float least, float* w, int64_t n) {
  const V16 t = splat(least);
  for_lanes(n, [&](int64_t i, int64_t count) {
    store_some(w + i, select_lt(load_some(z + i, count), t, zero(), load_some(w + i, count)), count);
  });
}

// A value that at least k of the n values reach: the k-th greatest of the maxima of short runs. -inf where there are fewer runs than k.
float bound_of_top_k(const float* z, int64_t n, int64_t k, float* room) {
  constexpr int64_t kRun = 32;
  const int64_t runs = n / kRun;
  if (runs < k) return -INFINITY;
  for (int64_t r = 0; r < runs; ++r) room[r] = reduce_max(max(load(z + r * kRun), load(z + r * kRun + kLanes)));
  return unordered(find_threshold(
                       runs, static_cast<double>(k), [&](int64_t r) { return ordered(room[r]); }, [](int64_t) { return 1.0; })
                       .key);
}

// Keeps weights of the k greatest z, ties included. Only the few values above a cheap bound are looked at digit by digit.
void filter_top_k(const float* z, float* w, int64_t n, int64_t k, float* room) {
  if (k <= 0 || k >= n) return;
  const float bound = bound_of_top_k(z, n, k, room);
  int32_t* ids = reinterpret_cast<int32_t*>(room);
  const int64_t count = candidates(z, n, bound, ids);
  const Threshold t = find_threshold(
      count, static_cast<double>(k), [&](int64_t i) { return ordered(z[ids[i]]); }, [](int64_t) { return 1.0; });
  drop_below(z, unordered(t.key), w, n);
}

// Keeps the most probable tokens until their sum reaches p; of equal ones the lower ids.
void filter_top_p(const float* z, float* w, int64_t n, double p, float* room) {
  const double total = sum_of(w, n), goal = p * total;
  // All tokens of less weight than this sum to less than (1 - p) of the total, so the threshold is not among them (the half covers
  // rounding).
  const double bound = 0.5 * (1 - p) * total / static_cast<double>(n);
  int32_t* ids = reinterpret_cast<int32_t*>(room);
  const int64_t count = candidates(w, n, static_cast<float>(bound), ids);
  const Threshold t = find_threshold(
      count, goal, [&](int64_t i) { return ordered(z[ids[i]]); }, [&](int64_t i) { return static_cast<double>(w[ids[i]]); });
  drop_below(z, unordered(t.key), w, n);
  double before = t.before;
  bool first = true;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t v = ids[i];
    if (ordered(z[v]) != t.key || w[v] == 0) continue;
    if (!first && before >= goal) w[v] = 0;
    before += static_cast<double>(w[v]);
    first = false;
  }
}

// Keeps weights of at least `bound`, and the greatest whatever it is.
void keep_from(float* w, int64_t n, float bound) {
  const float top = greatest(w, n);
  const V16 least = splat(bound < top ? bound : top);
  for_lanes(n, [&](int64_t i, int64_t count) {
    const V16 v = load_some(w + i, count);
    store_some(w + i, select_lt(v, least, zero(), v), count);
  });
}

// Of the tokens with a weight: their sum, and the entropy of the distribution in nats.
struct Spread {
  double total, entropy;
};

Spread spread_of(const float* z, const float* w, int64_t n, float top) {
  const double total = sum_of(w, n);
  const double weighted =
      lane_sum(n, [&](int64_t v) { return w[v] > 0 ? static_cast<double>(w[v]) * static_cast<double>(z[v] - top) : 0.0; });
  return {total, log_scalar(total) - weighted / total};
}

// Keeps tokens whose surprise is nearest to the entropy until their sum reaches p; ties stay in.
void filter_typical(const float* z, float* w, int64_t n, float p, float top, float* room) {
  const Spread s = spread_of(z, w, n, top);
  // |-log p - entropy|, negated so that the nearest is the greatest
  const float centre = static_cast<float>(log_scalar(s.total) - s.entropy);
  for (int64_t v = 0; v < n; ++v) room[v] = w[v] > 0 ? -fabsf(centre - (z[v] - top)) : -INFINITY;
  const auto key = [&](int64_t v) { return ordered(room[v]); };
  const uint32_t least = find_threshold(n, static_cast<double>(p) * s.total, key, [&](int64_t v) { return static_cast<double>(w[v]); }).key;
  drop_below(room, unordered(least), w, n);
}

// Keeps logits within n deviations of the greatest.
void filter_top_n_sigma(const float* z, float* w, int64_t n, float deviations, float top) {
  const double count = lane_sum(n, [&](int64_t v) { return z[v] > -INFINITY ? 1.0 : 0.0; });
  const double mean = lane_sum(n, [&](int64_t v) { return z[v] > -INFINITY ? static_cast<double>(z[v]) : 0.0; }) / count;
  const double variance = lane_sum(n,
                                   [&](int64_t v) {
                                     const double d = static_cast<double>(z[v]) - mean;
                                     return z[v] > -INFINITY ? d * d : 0.0;
                                   }) /
                          count;
  drop_below(z, static_cast<float>(static_cast<double>(top) - static_cast<double>(deviations) * ::sqrt(variance)), w, n);
}

}  // namespace

bool sampling_filters(const SamplingRow& p, int64_t n) {
  return (p.top_k > 0 && p.top_k < n) || p.top_p < 1 || p.min_p > 0 || p.top_n_sigma > 0 || p.typical_p < 1 || p.epsilon_cutoff > 0 ||
         p.eta_cutoff > 0;
}

void sampling_filter(const SamplingRow& p, const float* z, float* w, int64_t n, float* room) {
  const float top = greatest(z, n);
  if (p.top_n_sigma > 0) filter_top_n_sigma(z, w, n, p.top_n_sigma, top);
  if (p.top_k > 0) filter_top_k(z, w, n, p.top_k, room);
  if (p.top_p < 1) filter_top_p(z, w, n, p.top_p, room);
  if (p.min_p > 0) keep_from(w, n, p.min_p);  // the greatest weight is 1
  if (p.typical_p < 1) filter_typical(z, w, n, p.typical_p, top, room);
  if (p.epsilon_cutoff > 0) keep_from(w, n, static_cast<float>(static_cast<double>(p.epsilon_cutoff) * sum_of(w, n)));
  if (p.eta_cutoff > 0) {
    const Spread s = spread_of(z, w, n, top);
    const double epsilon = static_cast<double>(p.eta_cutoff);
    const double eta = ::sqrt(epsilon) * static_cast<double>(exp_of_one(static_cast<float>(-s.entropy)));
    keep_from(w, n, static_cast<float>((eta < epsilon ? eta : epsilon) * s.total));
  }
}

HE_ISA_END
