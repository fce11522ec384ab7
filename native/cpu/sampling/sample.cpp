// Drawing one token from a row of stored logits.
//   adjust   mask, biases, penalties, bans (adjust.cpp), then the temperature, then filters (filter.cpp): each acts on what the former left
//   draw     first token, by id, at which the float64 sum of the kept weights exp(z - max) exceeds u * total; u from Philox
//   traffic  the row twice without filters, some ten times with all of them, from the second-level cache
#include <math.h>
#include <string.h>

#include "core/scalar_math.h"
#include "cpu/sampling/kernels.h"
#include "cpu/sampling/philox.h"
#include "cpu/sampling/sums.h"

HE_ISA_BEGIN

namespace {

int64_t tiles(int64_t n) { return (n + kVocabularyTile - 1) / kVocabularyTile; }
int64_t tile_length(int64_t n, int64_t tile) {
  return n - tile * kVocabularyTile < kVocabularyTile ? n - tile * kVocabularyTile : kVocabularyTile;
}

int32_t first_equal(const float* z, int64_t n, float value) {
  for (int64_t v = 0; v < n; ++v)
    if (z[v] == value) return static_cast<int32_t>(v);
  return 0;
}

// exp(z * scale - top) of n values.
void weigh(const float* z, int64_t n, float scale, float top, float* w) {
  for_lanes(n, [&](int64_t i, int64_t count) { store_some(w + i, exp(load_some(z + i, count) * splat(scale) - splat(top)), count); });
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

// Scaled logits and, with filters, the weights that they leave.
void filter_row(const SamplingRow& p, const float* logits, float scale, int64_t n, float* z, float* w, float* room) {
  for_lanes(n, [&](int64_t i, int64_t count) { store_some(z + i, load_some(logits + i, count) * splat(scale), count); });
  weigh(z, n, 1, greatest(z, n), w);
  sampling_filter(p, z, w, n, room);
}

Draw draw_unfiltered(int64_t n, const float* logits, float scale, float uniform, float top, double* sums) {
  top *= scale;
  float tile[kVocabularyTile];
  return draw(n, uniform, sums, [&](int64_t t) {
    weigh(logits + t * kVocabularyTile, tile_length(n, t), scale, top, tile);
    return tile;
  });
}

// A row's working memory.
struct Room {
  float *z, *w, *spare;
  double* sums;
};

Room room_of(int64_t n, float* scratch) {
  const int64_t row = tiles(n) * kVocabularyTile;
  return {scratch, scratch + row, scratch + 2 * row, reinterpret_cast<double*>(scratch + 3 * row)};
}

float scale_of(const SamplingRow& p) { return p.temperature > 0 ? 1.0f / p.temperature : 1.0f; }

}  // namespace

size_t sampling_scratch(int64_t vocabulary) {
  const size_t row = static_cast<size_t>(tiles(vocabulary) * kVocabularyTile);
  return 3 * row + 2 * static_cast<size_t>(tiles(vocabulary)) + 16;
}

void sampling_sample(const Sampling& a, const Draws& draws, int64_t row, float* scratch) {
  const int64_t n = a.vocabulary;
  const float* logits = a.logits + row * a.logits_stride;
  const SamplingRow& p = a.rows[row];
  const Room room = room_of(n, scratch);
  const float* adjusted = sampling_adjust(a, row, logits, room.z, reinterpret_cast<int32_t*>(room.w));
  Draw d{-1, NAN};
  const float top = greatest(adjusted, n);
  if (top > -INFINITY && !(p.temperature > 0)) {
    d = {first_equal(adjusted, n, top), 1};
  } else if (top > -INFINITY) {
    const float uniform = philox_uniform(p.seed, p.request, p.choice, p.position), scale = scale_of(p);
    if (sampling_filters(p, n)) {
      filter_row(p, adjusted, scale, n, room.z, room.w, room.spare);
      d = draw(n, uniform, room.sums, [&](int64_t t) { return room.w + t * kVocabularyTile; });
    } else {
      d = draw_unfiltered(n, adjusted, scale, uniform, top, room.sums);
    }
  }
  draws.ids[row] = d.id;
  draws.log_prob[row] = d.id < 0 ? NAN : sampling_log_prob(logits, n, p.temperature, d.id);
  if (draws.sampled_log_prob != nullptr) draws.sampled_log_prob[row] = d.id < 0 ? NAN : static_cast<float>(log_scalar(d.probability));
}

void sampling_process(const Sampling& a, int64_t row, float* processed, float* scratch) {
  const int64_t n = a.vocabulary;
  const float* logits = a.logits + row * a.logits_stride;
  const SamplingRow& p = a.rows[row];
  const Room room = room_of(n, scratch);
  const float* adjusted = sampling_adjust(a, row, logits, room.z, reinterpret_cast<int32_t*>(room.w));
  const float top = greatest(adjusted, n);
  if (!(p.temperature > 0)) {
    const int32_t best = first_equal(adjusted, n, top);
    for (int64_t v = 0; v < n; ++v) processed[v] = v == best ? top : -INFINITY;
    return;
  }
  if (!(top > -INFINITY) || !sampling_filters(p, n)) {
    const float scale = scale_of(p);
    for_lanes(n, [&](int64_t i, int64_t count) { store_some(processed + i, load_some(adjusted + i, count) * splat(scale), count); });
    return;
  }
  filter_row(p, adjusted, scale_of(p), n, room.z, room.w, room.spare);
  for_lanes(n, [&](int64_t i, int64_t count) {
    store_some(processed + i, select_lt(zero(), load_some(room.w + i, count), load_some(room.z + i, count), splat(-INFINITY)), count);
  });
}

HE_ISA_END
