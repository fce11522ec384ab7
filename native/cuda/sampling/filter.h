// Filters of tokens after the temperature, each on what the former left:
//   top-n-sigma (Tang et al. 2024), top-k (Fan et al. 2018), top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024), typical (Meister et al. 2023), epsilon and eta (Hewitt et al. 2022)
// A removed token has weight 0. Thread t has tokens t, t + 256, ...
#pragma once
#include "cuda/sampling/row.h"
#include "cuda/sampling/search.h"

namespace he::cuda {

struct Filters {
  Global<float> z, w;  // logits over the temperature, and e^(z - top)
  int n;
  float top;

  HE_GPU void apply(const SamplingRow& p) const {
    if (p.top_n_sigma > 0) top_n_sigma(p.top_n_sigma);
    if (p.top_k > 0 && p.top_k < n) top_k(p.top_k);
    if (p.top_p < 1) top_p(p.top_p);
    if (p.min_p > 0) keep_from(p.min_p);  // the greatest weight is 1
    if (p.typical_p < 1) typical(p.typical_p);
    if (p.epsilon_cutoff > 0) keep_from(static_cast<float>(static_cast<double>(p.epsilon_cutoff) * to_double(total())));
    if (p.eta_cutoff > 0) {
      const Spread s = spread();
      const double epsilon = static_cast<double>(p.eta_cutoff), eta = square_root(epsilon) * static_cast<double>(exp_accurate(-(log_accurate(static_cast<float>(s.total)) - s.mean)));
      keep_from(static_cast<float>((eta < epsilon ? eta : epsilon) * s.total));
    }
  }

  HE_GPU Whole total() const {
    Whole sum = 0;
    for_tokens(0, n, [&](int v) { sum += fixed(w.get(v)); });
    return block_add(sum);
  }

 private:
  // Of the tokens with a weight: their sum, and the mean of z - top. The entropy is log(sum) - mean.
  struct Spread {
    double total;
    float mean;
  };

  HE_GPU Spread spread() const {
    const double sum = to_double(total());
    double weighted = 0.0;
    for_tokens(0, n, [&](int v) {
      if (w.get(v) > 0) weighted += static_cast<double>(w.get(v)) * static_cast<double>(z.get(v) - top);
    });
    return {sum, static_cast<float>(block_add(weighted) / sum)};
  }

  // Sets weights to 0 where value(v) is below `least`.
  template <class Value>
  HE_GPU void drop_below(float least, Value value) const {
    for_tokens(0, n, [&](int v) {
      if (value(v) < least) w.set(v, 0.0f);
    });
  }

  HE_GPU void keep_from(float bound) const {
    float greatest = 0.0f;
    for_tokens(0, n, [&](int v) { greatest = maximum(greatest, w.get(v)); });
    greatest = block_greatest(greatest);
    drop_below(bound < greatest ? bound : greatest, [&](int v) { return w.get(v); });
  }

  // Within n deviations of the greatest; mean and deviation of all that the mask and bans left.
  HE_GPU void top_n_sigma(float deviations) const {
    double count = 0.0, sum = 0.0, squares = 0.0;
    for_tokens(0, n, [&](int v) {
      if (z.get(v) > minus_infinity()) count += 1.0, sum += static_cast<double>(z.get(v));
    });
    count = block_add(count);
    const double mean = block_add(sum) / count;
    for_tokens(0, n, [&](int v) {
      const double d = static_cast<double>(z.get(v)) - mean;
      if (z.get(v) > minus_infinity()) squares += d * d;
    });
    const double deviation = square_root(block_add(squares) / count);
    drop_below(static_cast<float>(static_cast<double>(top) - static_cast<double>(deviations) * deviation), [&](int v) { return z.get(v); });
  }

  HE_GPU void top_k(int k) const {
    const Threshold t = find_threshold(n, static_cast<Whole>(k), [&](int v) { return ordered(z.get(v)); }, [](int) { return Whole{1}; });
    drop_below(unordered(t.key), [&](int v) { return z.get(v); });
  }

  // The most probable until their sum reaches p; of equal ones the lower ids.
  HE_GPU void top_p(double p) const {
    const Whole goal = static_cast<Whole>(p * static_cast<double>(total()));
    const Threshold t = find_threshold(n, goal, [&](int v) { return ordered(z.get(v)); }, [&](int v) { return fixed(w.get(v)); });
    const float least = unordered(t.key), weight = exp_accurate(least - top);
    drop_below(least, [&](int v) { return z.get(v); });
    const Whole each = fixed(weight), missing = goal > t.before ? goal - t.before : 1, keep = each > 0 ? (missing + each - 1) / each : 1;
    if (each == 0 || keep * each >= t.at) return;
    const Threshold last = find_threshold(n, keep, [](int v) { return ~static_cast<unsigned>(v); }, [&](int v) { return Whole{w.get(v) > 0 && ordered(z.get(v)) == t.key ? 1u : 0u}; });
    for_tokens(0, n, [&](int v) {
      if (ordered(z.get(v)) == t.key && static_cast<unsigned>(v) > ~last.key) w.set(v, 0.0f);
    });
  }

  // Those whose surprise is nearest to the entropy until their sum reaches p; ties stay in.
  HE_GPU void typical(float p) const {
    const Spread s = spread();
    const auto nearness = [&](int v) {
      const float d = s.mean - (z.get(v) - top);
      return w.get(v) > 0 ? (d < 0 ? d : -d) : minus_infinity();
    };
    const Whole goal = static_cast<Whole>(static_cast<double>(p) * static_cast<double>(total()));
    const Threshold t = find_threshold(n, goal, [&](int v) { return ordered(nearness(v)); }, [&](int v) { return fixed(w.get(v)); });
    drop_below(unordered(t.key), nearness);
  }
};

}  // namespace he::cuda
