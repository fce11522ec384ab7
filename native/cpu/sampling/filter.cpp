// Filters of tokens after the temperature, each on what the former left:
//   top-n-sigma (Tang et al. 2024), top-k (Fan et al. 2018), top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024), typical (Meister et
//   al. 2023), epsilon and eta (Hewitt et al. 2022)
// Nothing is sorted, and the row is not gone through for each filter: a cheap bound on the first of them leaves a short list (candidates.h), on which the
// others work; thresholds are found digit by digit (threshold.h).
//   traffic  the row once for the greatest of each run of 64 and, where neither top-n-sigma nor top-k is asked for, once for its exponentials; then runs that
//            hold a candidate
#include <math.h>

#include "core/scalar_math.h"
#include "cpu/sampling/candidates.h"
#include "cpu/sampling/kernels.h"
#include "cpu/sampling/threshold.h"

HE_ISA_BEGIN

namespace {

constexpr int64_t kRun = 64;
constexpr float kLeastWeight = 0x1p-149f;

int64_t runs(int64_t n) { return (n + kRun - 1) / kRun; }

// The greatest value of each run; NaNs are passed over.
void run_maxima(const float* values, int64_t n, float* maxima) {
  const auto of_run = [&](int64_t begin) {
    V16 top = splat(-INFINITY);
    for (int64_t v = begin; v < n && v < begin + kRun; v += kLanes) top = max(load_logits(values + v, n - v), top);
    return top;
  };
  int64_t r = 0;
  for (; (r + 4) * kRun <= n; r += 4) {
    const V16 four[4] = {of_run(r * kRun), of_run((r + 1) * kRun), of_run((r + 2) * kRun), of_run((r + 3) * kRun)};
    reduce_max4(four, maxima + r);
  }
  for (; r < runs(n); ++r) maxima[r] = reduce_max(of_run(r * kRun));
}

// A value that at least k of the row reach: the k-th greatest of its runs' maxima. -inf where there are fewer runs than k.
float bound_of_top_k(const SampledRow& row, const float* maxima, int64_t k) {
  if (runs(row.n) < k) return -INFINITY;
  return unordered(find_threshold(
                       runs(row.n), static_cast<double>(k), [&](int64_t r) { return ordered(maxima[r] * row.scale); }, [](int64_t) { return 1.0; })
                       .key);
}

// What top-n-sigma asks for: within n deviations of the greatest.
float bound_of_sigma(const SampledRow& row, float deviations) {
  const auto z = [&](int64_t v) { return row.logits[v] * row.scale; };
  const double count = lane_sum(row.n, [&](int64_t v) { return z(v) > -INFINITY ? 1.0 : 0.0; });
  const double mean = lane_sum(row.n, [&](int64_t v) { return z(v) > -INFINITY ? static_cast<double>(z(v)) : 0.0; }) / count;
  const double variance = lane_sum(row.n,
                                   [&](int64_t v) {
                                     const double d = static_cast<double>(z(v)) - mean;
                                     return z(v) > -INFINITY ? d * d : 0.0;
                                   }) /
                          count;
  const float bound = static_cast<float>(static_cast<double>(row.top) - static_cast<double>(deviations) * ::sqrt(variance));
  return isnan(bound) ? -INFINITY : bound;
}

// Tokens with z >= bound; `maxima` of the logits.
void collect(const SampledRow& row, const float* maxima, float bound, Candidates& c) {
  const V16 scale = splat(row.scale);
  int64_t count = 0;
  for (int64_t r = 0; r < runs(row.n); ++r) {
    if (!(maxima[r] * row.scale >= bound)) continue;
    for (int64_t v = r * kRun; v < row.n && v < (r + 1) * kRun; v += kLanes) {
      const int64_t n = row.n - v < kLanes ? row.n - v : kLanes;
      const V16 z = load_some(row.logits + v, n) * scale;
      count = append(c, count, v, n, z, z, bound);
    }
  }
  c.count = count;
  for_lanes(count, [&](int64_t i, int64_t n) { store_some(c.w + i, exp(load_some(c.z + i, n) - splat(row.top)), n); });
}

// Tokens of weight `bound` (> 0) at least; `maxima` of the weights. A weight that is not a number stays: that of an infinite logit.
void collect_by_weight(const SampledRow& row, const float* weights, const float* maxima, float bound, Candidates& c) {
  const V16 scale = splat(row.scale);
  int64_t count = 0;
  for (int64_t r = 0; r < runs(row.n); ++r) {
    if (maxima[r] < bound) continue;
    for (int64_t v = r * kRun; v < row.n && v < (r + 1) * kRun; v += kLanes) {
      const int64_t n = row.n - v < kLanes ? row.n - v : kLanes;
      count = append(c, count, v, n, load_some(row.logits + v, n) * scale, load_some(weights + v, n), bound);
    }
  }
  c.count = count;
  for (int64_t i = 0; i < count; ++i) c.w[i] = weights[c.ids[i]];
}

// Keeps the k greatest, ties included.
void filter_top_k(Candidates& c, int64_t k) {
  const Threshold t = find_threshold(
      c.count, static_cast<double>(k), [&](int64_t i) { return ordered(c.z[i]); }, [](int64_t) { return 1.0; });
  const float least = unordered(t.key);
  retain(c, [&](int64_t i) { return !(c.z[i] < least); });
}

// All tokens of less weight than this sum to less than (1 - p) of the total, so top-p's threshold is not among them (the half covers rounding).
float bound_of_top_p(double p, double total, int64_t n) { return static_cast<float>(0.5 * (1 - p) * total / static_cast<double>(n)); }

// Keeps the most probable tokens until their sum reaches p of the total; of equal ones the lower ids.
void filter_top_p(Candidates& c, double p, double total) {
  const double goal = p * total;
  const Threshold t = find_threshold(
      c.count, goal, [&](int64_t i) { return ordered(c.z[i]); }, [&](int64_t i) { return static_cast<double>(c.w[i]); });
  const float least = unordered(t.key);
  retain(c, [&](int64_t i) { return !(c.z[i] < least); });
  const auto tied = [&](int64_t i) { return (ordered(c.z[i]) == t.key) & (c.w[i] != 0); };
  int64_t ties = 0;
  for (int64_t i = 0; i < c.count; ++i) ties += tied(i);
  if (ties < 2) return;
  double before = t.before;
  bool first = true;
  retain(c, [&](int64_t i) {
    if (!tied(i)) return true;
    const bool kept = first || before < goal;
    before += static_cast<double>(c.w[i]);
    first = false;
    return kept;
  });
}

// Keeps weights of at least `bound`, and the greatest whatever it is.
void keep_from(Candidates& c, float bound) {
  const float top = greatest_weight(c), least = bound < top ? bound : top;
  retain(c, [&](int64_t i) { return !(c.w[i] < least); });
}

// Of the candidates: their sum, and the entropy of the distribution in nats.
struct Spread {
  double total, entropy;
};

Spread spread_of(const Candidates& c, float top) {
  const double total = sum_of(c);
  const double weighted = lane_sum(
      c, 0, c.count, [&](int64_t i) { return c.w[i] > 0 ? static_cast<double>(c.w[i]) * static_cast<double>(c.z[i] - top) : 0.0; });
  return {total, log_scalar(total) - weighted / total};
}

// Keeps tokens whose surprise is nearest to the entropy until their sum reaches p; ties stay in.
void filter_typical(Candidates& c, float p, float top) {
  const Spread s = spread_of(c, top);
  const float centre = static_cast<float>(log_scalar(s.total) - s.entropy);
  // |-log p - entropy|, negated so that the nearest is the greatest
  const auto nearness = [&](int64_t i) { return c.w[i] > 0 ? -fabsf(centre - (c.z[i] - top)) : -INFINITY; };
  const float least = unordered(find_threshold(
                                    c.count, static_cast<double>(p) * s.total, [&](int64_t i) { return ordered(nearness(i)); },
                                    [&](int64_t i) { return static_cast<double>(c.w[i]); })
                                    .key);
  retain(c, [&](int64_t i) { return !(nearness(i) < least); });
}

}  // namespace

bool sampling_filters(const SamplingRow& p, int64_t n) {
  return (p.top_k > 0 && p.top_k < n) || p.top_p < 1 || p.min_p > 0 || p.top_n_sigma > 0 || p.typical_p < 1 || p.epsilon_cutoff > 0 ||
         p.eta_cutoff > 0;
}

void sampling_filter(const SamplingRow& p, const SampledRow& row, float* weights, float* maxima, Candidates& c) {
  const bool top_k = p.top_k > 0 && p.top_k < row.n;
  double total = NAN;  // of all weights, where they are known
  if (top_k || p.top_n_sigma > 0) {
    run_maxima(row.logits, row.n, maxima);
    const float sigma = p.top_n_sigma > 0 ? bound_of_sigma(row, p.top_n_sigma) : -INFINITY;
    const float best = top_k ? bound_of_top_k(row, maxima, p.top_k) : -INFINITY;
    collect(row, maxima, sigma > best ? sigma : best, c);
    if (top_k) filter_top_k(c, p.top_k);
  } else {
    for_lanes(row.n, [&](int64_t i, int64_t n) { store_some(weights + i, exp(load_some(row.logits + i, n) * splat(row.scale) - splat(row.top)), n); });
    total = sum_of(weights, row.n);
    run_maxima(weights, row.n, maxima);
    if (isnan(total))  // of an infinite logit, which the maxima pass over
      for (int64_t r = 0; r < runs(row.n); ++r) maxima[r] = INFINITY;
    const float bound = p.top_p < 1 ? bound_of_top_p(p.top_p, total, row.n) : p.min_p < 1 ? p.min_p : 1;
    collect_by_weight(row, weights, maxima, bound > kLeastWeight ? bound : kLeastWeight, c);
  }
  if (p.top_p < 1) filter_top_p(c, p.top_p, isnan(total) ? sum_of(c) : total);
  if (p.min_p > 0) keep_from(c, p.min_p);  // the greatest weight is 1
  if (p.typical_p < 1) filter_typical(c, p.typical_p, row.top);
  if (p.epsilon_cutoff > 0) keep_from(c, static_cast<float>(static_cast<double>(p.epsilon_cutoff) * sum_of(c)));
  if (p.eta_cutoff > 0) {
    const Spread s = spread_of(c, row.top);
    const double epsilon = static_cast<double>(p.eta_cutoff);
    const double eta = ::sqrt(epsilon) * static_cast<double>(exp_of_one(static_cast<float>(-s.entropy)));
    keep_from(c, static_cast<float>((eta < epsilon ? eta : epsilon) * s.total));
  }
}

HE_ISA_END
