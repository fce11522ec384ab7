// Sums and extremes over a row, in float64 and in an order of their own.
#pragma once
#include <math.h>

#include "cpu/head/logsumexp.h"
#include "cpu/simd/lanes.h"

HE_ISA_BEGIN

// The greatest value; NaNs are passed over.
static inline float greatest(const float* z, int64_t n) {
  V16 top = splat(-INFINITY);
  for_lanes(n, [&](int64_t i, int64_t count) { top = max(load_logits(z + i, count), top); });
  return reduce_max(top);
}

// The sum of f(i) for i in [0, n): element i goes to lane i % 16, lanes are added in order.
template <class F>
static inline double lane_sum(int64_t n, F f) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lanes[l] += f(i + l);
  for (int l = 0; i < n; ++i, ++l) lanes[l] += f(i);
  double total = 0;
  for (const double lane : lanes) total += lane;
  return total;
}

static inline double sum_of(const float* w, int64_t n) {
  return lane_sum(n, [w](int64_t i) { return static_cast<double>(w[i]); });
}

HE_ISA_END
