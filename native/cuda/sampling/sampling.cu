// A block a row: adjust (mask, biases, penalties, bans), temperature, filters, then the draw: the first token, by id, at which the sum of the kept weights e^(z - max) exceeds u * total; u from
// Philox, as on the CPU. Sums are exact integers (search.h), weights have the CPU's bits.
// Traffic: the row twice without filters (greatest, draw), some ten times for each filter that needs a threshold; from the second-level cache. Work: an exp a logit.
#include "cuda/sampling/adjust.h"
#include "cuda/sampling/filter.h"
#include "cuda/sampling/philox.h"

namespace he::cuda {
namespace {

// The greatest value and the lowest id that has it; NaNs are passed over. -1 where nothing is above -inf.
struct Best {
  float value;
  int id;
};

HE_GPU Best best_of(Global<const float> x, int n) {
  Whole best = 0;
  for_tokens(0, n, [&](int v) {
    const float value = x.get(v);
    const Whole key = static_cast<Whole>(ordered(value)) << 32 | ~static_cast<unsigned>(v);
    if (value > minus_infinity() && key > best) best = key;
  });
  best = block_greatest(best);
  if (best == 0) return {minus_infinity(), -1};
  return {unordered(static_cast<unsigned>(best >> 32)), static_cast<int>(~static_cast<unsigned>(best))};
}

// A row after its adjustments.
struct Adjusted {
  SamplingRow row;
  Global<const float> x;
  float scale;
  Best best;

  HE_GPU explicit Adjusted(const SamplingArguments& a) : row(a.rows + static_cast<long long>(block_x()) * kSamplingRowWords) {
    const Adjustment adjustment(a, row);
    x = adjustment.logits;
    if (adjustment.any()) {
      adjustment.apply();
      x = adjustment.z;
    }
    scale = inverse_temperature(row.temperature);
    best = best_of(x, a.vocabulary);
  }

  // Fills z and w, and filters them.
  HE_GPU Filters filtered(const SamplingArguments& a) const {
    const Filters f = {a.z + static_cast<long long>(block_x()) * a.vocabulary, a.weights + static_cast<long long>(block_x()) * a.vocabulary, a.vocabulary, best.value * scale};
    for_tokens(0, f.n, [&](int v) {
      const float z = x.get(v) * scale;
      f.z.set(v, z);
      f.w.set(v, exp_accurate(z - f.top));
    });
    f.apply(row);
    return f;
  }
};

struct Drawn {
  int id;
  float weight;
  Whole total;
};

template <class Weight>
HE_GPU Drawn draw(int n, const SamplingRow& row, Weight weight) {
  Whole sum = 0;
  for_tokens(0, n, [&](int v) { sum += fixed(weight(v)); });
  const Whole total = block_add(sum), u = philox_draw(row.seed, row.request, static_cast<unsigned>(row.choice), static_cast<unsigned>(row.position));
  const Whole goal = (total >> 24) * u + ((total & 0xffffff) * u >> 24);  // u * total, cut off: sums are whole, so exceeding it is the same
  if (total == 0) return {-1, 0.0f, 0};
  const int id = find_token(n, goal, [&](int v) { return fixed(weight(v)); });
  return {id, weight(id), total};  // another thread's token: the search's barriers lie between
}

}  // namespace

HE_KERNEL(kSamplingThreads) sampling_draw(SamplingArguments a) {
  const long long r = block_x();
  const Adjusted row(a);
  int id = row.best.id;
  float sampled = 0.0f;  // greedy
  if (id >= 0 && row.row.temperature > 0) {
    Drawn d;
    if (row.row.filters(a.vocabulary)) {
      const Filters f = row.filtered(a);
      d = draw(a.vocabulary, row.row, [&](int v) { return f.w.get(v); });
    } else {
      const float top = row.best.value * row.scale;
      d = draw(a.vocabulary, row.row, [&](int v) { return exp_accurate(row.x.get(v) * row.scale - top); });
    }
    if (d.total > 0) id = d.id, sampled = log_accurate(divide(d.weight, static_cast<float>(to_double(d.total))));
  }
  if (warp() != 0) return;
  const int tiles = vocabulary_tiles(a.vocabulary);
  const float lse = log_sum_exp(join_tiles(a.partial + 4 * r * tiles, tiles)), nothing = bits_to_float(0x7fc00000u);
  if (lane() != 0) return;
  a.ids.set(r, id);
  float log_prob = nothing;
  if (id >= 0) log_prob = a.logits.get(r * a.stride + id) * row.scale - lse;
  a.log_prob.set(r, log_prob);
  if (a.sampled_log_prob) a.sampled_log_prob.set(r, id < 0 ? nothing : sampled);
}

HE_KERNEL(kSamplingThreads) sampling_process(SamplingArguments a) {
  const Adjusted row(a);
  const Global<float> to = a.processed + static_cast<long long>(block_x()) * a.processed_stride;
  if (!(row.row.temperature > 0)) {
    for_tokens(0, a.vocabulary, [&](int v) { to.set(v, v == row.best.id ? row.best.value : minus_infinity()); });
    return;
  }
  if (row.best.id < 0 || !row.row.filters(a.vocabulary)) {
    for_tokens(0, a.vocabulary, [&](int v) { to.set(v, row.x.get(v) * row.scale); });
    return;
  }
  const Filters f = row.filtered(a);
  for_tokens(0, a.vocabulary, [&](int v) { to.set(v, f.w.get(v) > 0 ? f.z.get(v) : minus_infinity()); });
}

// One pass for each of the k: the greatest of what comes after the one before, of equal values the lower id.
HE_KERNEL(kSamplingThreads) sampling_top(TopValuesArguments a) {
  const long long r = block_x();
  const Global<const float> values = a.values + r * a.stride;
  Whole last = ~Whole{0};
  for (int i = 0; i < a.k; ++i) {
    Whole best = 0;
    for_tokens(0, a.width, [&](int v) {
      const Whole key = static_cast<Whole>(ordered(values.get(v))) << 32 | ~static_cast<unsigned>(v);
      if (key < last && key > best) best = key;
    });
    last = block_greatest(best);
    if (thread() != 0) continue;
    const int id = static_cast<int>(~static_cast<unsigned>(last));
    float value = values.get(id);
    if (a.log_sum_exp) value = value * inverse_temperature(a.temperature.get(r)) - a.log_sum_exp.get(r);
    a.ids.set(r * a.ids_stride + i, id);
    a.top.set(r * a.top_stride + i, value);
  }
}

HE_KERNEL(kSamplingThreads) sampling_temperatures(RowTemperaturesArguments a) {
  const int row = static_cast<int>(block_x() * kSamplingThreads + thread());
  if (row < a.count) a.temperature.set(row, bits_to_float(a.rows.get(static_cast<long long>(row) * kSamplingRowWords + 19)));
}

}  // namespace he::cuda
