// Drawing one token from a row of stored logits.
//   adjust   mask, biases, penalties, bans (adjust.cpp), then the temperature, then filters (filter.cpp): each acts on what the former left
//   draw     first token, by id, at which the float64 sum of the kept weights exp(z - max) exceeds u * total; u from Philox
//   traffic  the row once, with one exponential a token: the sums of the log-probability's tiles bracket the draw, and only where they leave it open
//            (a boundary within their rounding error) are the float64 sums of all tiles formed. With filters a second time for the greatest values
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

// What the log-probability's pass over a row knows of a tile: the sum of exp(z - max), and the greatest z up to its end, which is that max.
struct TileSum {
  float sum, max;
};

// The row's soft-max statistics, tile by tile.
RowSum sum_tiles(const float* logits, int64_t n, float scale, TileSum* sums) {
  RowSum row = row_sum_start();
  for (int64_t t = 0; t < tiles(n); ++t) {
    const float sum = row_sum_tile<false>(row, logits + t * kVocabularyTile, tile_length(n, t), scale);
    sums[t] = {sum, row.max};
  }
  return row;
}

// Relative bound on the difference between sums of tiles and the float64 sums of weights that define the draw: an argument of exp within [-105, 0] is rounded
// by at most 2^-18, three of them are; exp is within 2^-22, 36 float32 additions within 2^-19.
constexpr double kSlack = 0x1p-15;

bool surely_less(double a, double b) { return a * (1 + kSlack) < b * (1 - kSlack); }

// The draw by tile sums; id -1 where they leave it open.
Draw draw_by_tiles(const float* logits, int64_t n, float scale, float uniform, const RowSum& row, const TileSum* sums) {
  const auto mass = [&](int64_t t) {
    return sums[t].max == row.max ? static_cast<double>(sums[t].sum) : static_cast<double>(sums[t].sum) * static_cast<double>(exp_of_one(sums[t].max - row.max));
  };
  const Draw open{-1, 0};
  double total = 0;
  for (int64_t t = 0; t < tiles(n); ++t) total += mass(t);
  const double goal = static_cast<double>(uniform) * total;
  if (!(goal > 0 && total < INFINITY)) return open;
  double before = 0;
  int64_t t = 0;
  for (double m = mass(0); t + 1 < tiles(n) && before + m <= goal; m = mass(t)) {
    before += m;
    ++t;
  }
  if (!surely_less(before, goal)) return open;
  float w[kVocabularyTile];
  weigh(logits + t * kVocabularyTile, tile_length(n, t), scale, row.max, w);
  for (int64_t i = 0; i < tile_length(n, t); ++i) {
    const double after = before + static_cast<double>(w[i]);
    if (surely_less(goal, after)) return {static_cast<int32_t>(t * kVocabularyTile + i), static_cast<double>(w[i]) / total};
    if (!surely_less(after, goal)) return open;
    before = after;
  }
  return open;
}

// The draw as it is defined: float64 sums of every tile, then the tile that holds it.
Draw draw_exactly(const float* logits, int64_t n, float scale, float uniform, float top, double* sums) {
  float w[kVocabularyTile];
  double total = 0;
  for (int64_t t = 0; t < tiles(n); ++t) {
    weigh(logits + t * kVocabularyTile, tile_length(n, t), scale, top, w);
    sums[t] = sum_of(w, tile_length(n, t));
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
    weigh(logits + t * kVocabularyTile, tile_length(n, t), scale, top, w);
    for (int64_t i = 0; i < tile_length(n, t); ++i) {
      if (w[i] == 0) continue;
      running += static_cast<double>(w[i]);
      result = {static_cast<int32_t>(t * kVocabularyTile + i), static_cast<double>(w[i]) / total};
      if (running > goal) return result;
    }
  }
  return result;  // u * total was not exceeded, by rounding (or a NaN): the last token that has a weight
}

// The same sums over candidates: tokens that are none have weight 0.
Draw draw_candidate(const Candidates& c, float uniform, double* sums) {
  const auto tile_end = [&](int64_t begin) {
    int64_t i = begin;
    while (i < c.count && c.ids[i] / kVocabularyTile == c.ids[begin] / kVocabularyTile) ++i;
    return i;
  };
  double total = 0, *sum = sums;
  for (int64_t begin = 0, end = 0; begin < c.count; begin = end) {
    end = tile_end(begin);
    *sum = lane_sum(c, begin, end, [&](int64_t i) { return static_cast<double>(c.w[i]); });
    total += *sum++;
  }
  const double goal = static_cast<double>(uniform) * total;
  double running = 0;
  Draw result{0, 0};
  sum = sums;
  for (int64_t begin = 0, end = 0; begin < c.count; begin = end, ++sum) {
    end = tile_end(begin);
    if (running + *sum <= goal && end < c.count) {
      running += *sum;
      continue;
    }
    for (int64_t i = begin; i < end; ++i) {
      if (c.w[i] == 0) continue;
      running += static_cast<double>(c.w[i]);
      result = {c.ids[i], static_cast<double>(c.w[i]) / total};
      if (running > goal) return result;
    }
  }
  return result;
}

// A row's working memory: six of a number a token, two of a number a tile.
struct Room {
  float *z, *w, *maxima;
  Candidates candidates;
  double* sums;
  TileSum* tiles;
};

Room room_of(int64_t n, float* scratch) {
  const int64_t row = tiles(n) * kVocabularyTile;
  double* sums = reinterpret_cast<double*>(scratch + 6 * row);
  return {scratch,
          scratch + row,
          scratch + 2 * row,
          {reinterpret_cast<int32_t*>(scratch + 3 * row), scratch + 4 * row, scratch + 5 * row, 0},
          sums,
          reinterpret_cast<TileSum*>(sums + tiles(n))};
}

float scale_of(const SamplingRow& p) { return p.temperature > 0 ? 1.0f / p.temperature : 1.0f; }

}  // namespace

size_t sampling_scratch(int64_t vocabulary) {
  const size_t row = static_cast<size_t>(tiles(vocabulary) * kVocabularyTile);
  return 6 * row + 4 * static_cast<size_t>(tiles(vocabulary)) + 16;
}

void sampling_sample(const Sampling& a, const Draws& draws, int64_t row, float* scratch) {
  const int64_t n = a.vocabulary;
  const float* logits = a.logits + row * a.logits_stride;
  const SamplingRow& p = a.rows[row];
  Room room = room_of(n, scratch);
  const float* adjusted = sampling_adjust(a, row, logits, room.z, reinterpret_cast<int32_t*>(room.w));
  const float scale = scale_of(p);
  const RowSum model = sum_tiles(logits, n, scale, room.tiles);  // of the model's own distribution
  const float lse = row_log_sum_exp(model);
  // The greatest z; a NaN in the row spoils the model's, and is passed over here.
  const float top = adjusted == logits && model.sum < INFINITY ? model.max : greatest(adjusted, n) * scale;
  const auto log_prob = [&](int32_t id) { return logits[id] * scale - lse; };
  int32_t id = -1;
  float sampled = NAN;
  if (top > -INFINITY && !(p.temperature > 0)) {
    id = first_equal(adjusted, n, top);
    sampled = 0;
  } else if (top > -INFINITY) {
    const float uniform = philox_uniform(p.seed, p.request, p.choice, p.position);
    Draw d{-1, 0};
    if (sampling_filters(p, n)) {
      sampling_filter(p, {adjusted, n, scale, top}, room.w, room.maxima, room.candidates);
      d = draw_candidate(room.candidates, uniform, room.sums);
    } else {
      if (adjusted == logits) d = draw_by_tiles(logits, n, scale, uniform, model, room.tiles);
      if (d.id < 0) d = draw_exactly(adjusted, n, scale, uniform, top, room.sums);
    }
    id = d.id;
    // What nothing has changed is the model's own distribution.
    sampled = adjusted == logits && !sampling_filters(p, n) ? log_prob(id) : static_cast<float>(log_scalar(d.probability));
  }
  draws.ids[row] = id;
  draws.log_prob[row] = id < 0 ? NAN : log_prob(id);
  if (draws.sampled_log_prob != nullptr) draws.sampled_log_prob[row] = sampled;
}

void sampling_process(const Sampling& a, int64_t row, float* processed, float* scratch) {
  const int64_t n = a.vocabulary;
  const float* logits = a.logits + row * a.logits_stride;
  const SamplingRow& p = a.rows[row];
  Room room = room_of(n, scratch);
  const float* adjusted = sampling_adjust(a, row, logits, room.z, reinterpret_cast<int32_t*>(room.w));
  const float top = greatest(adjusted, n);
  if (!(p.temperature > 0)) {
    const int32_t best = first_equal(adjusted, n, top);
    for (int64_t v = 0; v < n; ++v) processed[v] = v == best ? top : -INFINITY;
    return;
  }
  const float scale = scale_of(p);
  if (!(top > -INFINITY) || !sampling_filters(p, n)) {
    for_lanes(n, [&](int64_t i, int64_t count) { store_some(processed + i, load_some(adjusted + i, count) * splat(scale), count); });
    return;
  }
  Candidates& c = room.candidates;
  sampling_filter(p, {adjusted, n, scale, top * scale}, room.w, room.maxima, c);
  for (int64_t v = 0; v < n; ++v) processed[v] = -INFINITY;
  for (int64_t i = 0; i < c.count; ++i)
    if (c.w[i] > 0) processed[c.ids[i]] = c.z[i];
}

HE_ISA_END
