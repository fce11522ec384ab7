// Drawing one token from a row of stored logits.
//   order    repetition penalty (Keskar et al. 2019), temperature, top-k, top-p (Holtzman et al. 2020), min-p: each acts on what the former
//   left draw     first token, by id, at which the float64 sum of the kept weights exp(z - max) exceeds u * total; u from Philox no sort
//   thresholds are found digit by digit (threshold.h); filters set the weights of removed tokens to 0 traffic  the row twice without
//   filters, some ten times with all of them, from the second-level cache
#include "core/scalar_math.h"
#include "cpu/head/logsumexp.h"
#include "cpu/sampling/kernels.h"
#include "cpu/sampling/philox.h"
#include "cpu/sampling/threshold.h"
#include "cpu/simd/lanes.h"

HE_ISA_BEGIN

namespace {

int64_t tiles(int64_t n) { return (n + kVocabularyTile - 1) / kVocabularyTile; }
int64_t tile_length(int64_t n, int64_t tile) {
  return n - tile * kVocabularyTile < kVocabularyTile ? n - tile * kVocabularyTile : kVocabularyTile;
}

// The greatest value; NaNs are passed over.
float greatest(const float* z, int64_t n) {
  V16 top = splat(-INFINITY);
  for_lanes(n, [&](int64_t i, int64_t count) { top = max(load_logits(z + i, count), top); });
  return reduce_max(top);
}

int32_t first_equal(const float* z, int64_t n, float value) {
  for (int64_t v = 0; v < n; ++v)
    if (z[v] == value) return static_cast<int32_t>(v);
  return 0;
}

bool nothing_left(const float* z, int64_t n) {
  for (int64_t v = 0; v < n; ++v)
    if (z[v] != -INFINITY) return false;
  return true;
}

// exp(z * scale - top) of n values.
void weigh(const float* z, int64_t n, float scale, float top, float* w) {
  for_lanes(n, [&](int64_t i, int64_t count) { store_some(w + i, exp(load_some(z + i, count) * splat(scale) - splat(top)), count); });
}

double sum_of(const float* w, int64_t n) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lanes[l] += static_cast<double>(w[i + l]);
  for (int l = 0; i < n; ++i, ++l) lanes[l] += static_cast<double>(w[i]);
  double total = 0;
  for (const double lane : lanes) total += lane;
  return total;
}

struct Draw {
  int32_t id;
  double probability;
};

// weights(tile) gives the weights of a tile; sums has room for one number a tile.
template <class Weights>
Draw draw(int64_t n, float uniform, double* sums, Weights weights) {
  double total = 0;
  for (int64_t t = 0; t < tiles(n); ++t) {
    sums[t] = sum_of(weights(t), tile_length(n, t));
    total += sums[t];
  }
  const double goal = static_cast<double>(uniform) * total;
  double running = 0;
  Draw result{0, 0};
  for (int64_t t = 0; t < tiles(n); ++t) {
    if (running + sums[t] <= goal && t + 1 < tiles(n)) {
      running += sums[t];
      continue;
    }
    const float* w = weights(t);
    for (int64_t i = 0; i < tile_length(n, t); ++i) {
      if (w[i] == 0) continue;
      running += static_cast<double>(w[i]);
      result = {static_cast<int32_t>(t * kVocabularyTile + i), static_cast<double>(w[i]) / total};
      if (running > goal) return result;
    }
  }
  return result;  // u * total was not exceeded, by rounding (or a NaN): the last token that has a weight
}

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
void filter_top_p(const float* z, float* w, int64_t n, float p, float* room) {
  if (p >= 1) return;
  const double total = sum_of(w, n), goal = static_cast<double>(p) * total;
  // All tokens of less weight than this sum to less than (1 - p) of the total, so the threshold is not among them (the half covers
  // rounding).
  const double bound = 0.5 * (1 - static_cast<double>(p)) * total / static_cast<double>(n);
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

// Keeps tokens at least `fraction` times as probable as the most probable one, whose weight is 1.
void filter_min_p(float* w, int64_t n, float fraction) {
  if (fraction <= 0) return;
  const V16 least = splat(fraction);
  for_lanes(n, [&](int64_t i, int64_t count) {
    const V16 v = load_some(w + i, count);
    store_some(w + i, select_lt(v, least, zero(), v), count);
  });
}

// -inf where a token's bit is 0.
void mask(float* z, int64_t n, const int32_t* bits) {
  for (int64_t v = 0; v < n; ++v)
    if (((static_cast<uint32_t>(bits[v >> 5]) >> (v & 31)) & 1) == 0) z[v] = -INFINITY;
}

// The logits after mask and repetition penalty: the row itself, or a changed copy in `room`.
const float* penalise(const Sampling& a, int64_t row, const float* logits, float* room) {
  const float penalty = a.penalty[row];
  const bool masked = a.masks != nullptr && a.mask_rows[row] >= 0, penalised = penalty != 1.0f && a.history != nullptr;
  if (!masked && !penalised) return logits;
  memcpy(room, logits, static_cast<size_t>(a.vocabulary) * sizeof(float));
  if (masked) mask(room, a.vocabulary, a.masks + a.mask_rows[row] * a.mask_stride);
  if (!penalised) return room;
  for (int64_t i = 0; i < a.history_lengths[row]; ++i) {
    const int32_t id = a.history[row * a.history_stride + i];
    if (id < 0 || id >= a.vocabulary) continue;
    if (room[id] == -INFINITY) continue;  // not allowed
    // From the row, not from the copy: a token that occurs twice is penalised once.
    room[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
  }
  return room;
}

Draw draw_filtered(const Sampling& a, int64_t row, const float* logits, float scale, float uniform, float* z, float* w, float* room,
                   double* sums) {
  const int64_t n = a.vocabulary;
  for_lanes(n, [&](int64_t i, int64_t count) { store_some(z + i, load_some(logits + i, count) * splat(scale), count); });
  weigh(z, n, 1, greatest(z, n), w);
  filter_top_k(z, w, n, a.top_k[row], room);
  filter_top_p(z, w, n, a.top_p[row], room);
  filter_min_p(w, n, a.min_p[row]);
  return draw(n, uniform, sums, [&](int64_t t) { return w + t * kVocabularyTile; });
}

Draw draw_unfiltered(int64_t n, const float* logits, float scale, float uniform, double* sums) {
  const float top = greatest(logits, n) * scale;
  float tile[kVocabularyTile];
  return draw(n, uniform, sums, [&](int64_t t) {
    weigh(logits + t * kVocabularyTile, tile_length(n, t), scale, top, tile);
    return tile;
  });
}

}  // namespace

size_t sampling_scratch(int64_t vocabulary) {
  const size_t row = static_cast<size_t>(tiles(vocabulary) * kVocabularyTile);
  return 3 * row + 2 * static_cast<size_t>(tiles(vocabulary)) + 16;
}

void sampling_sample(const Sampling& a, int64_t row, float* scratch) {
  const int64_t n = a.vocabulary, room = tiles(n) * kVocabularyTile;
  const float* logits = a.logits + row * a.logits_stride;
  const float temperature = a.temperature[row], scale = temperature > 0 ? 1.0f / temperature : 1.0f;
  float *z = scratch, *w = scratch + room, *ids = scratch + 2 * room;
  double* sums = reinterpret_cast<double*>(scratch + 3 * room);

  const float* penalised = penalise(a, row, logits, z);
  Draw d{0, 1};
  if (penalised != logits && nothing_left(penalised, n)) {
    a.ids[row] = -1;
    a.log_prob[row] = NAN;
    if (a.sampled_log_prob != nullptr) a.sampled_log_prob[row] = NAN;
    return;
  }
  if (!(temperature > 0)) {
    d.id = first_equal(penalised, n, greatest(penalised, n));
  } else {
    const float uniform = philox_uniform(a.seeds[row], a.requests[row], a.choices[row], a.positions[row]);
    const bool filtered = (a.top_k[row] > 0 && a.top_k[row] < n) || a.top_p[row] < 1 || a.min_p[row] > 0;
    d = filtered ? draw_filtered(a, row, penalised, scale, uniform, z, w, ids, sums) : draw_unfiltered(n, penalised, scale, uniform, sums);
  }
  a.ids[row] = d.id;
  a.log_prob[row] = sampling_log_prob(logits, n, temperature, d.id);
  if (a.sampled_log_prob != nullptr) a.sampled_log_prob[row] = static_cast<float>(log_scalar(d.probability));
}

HE_ISA_END
