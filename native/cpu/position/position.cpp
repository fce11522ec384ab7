// Rotary positions (Su et al. 2021): (a, b) -> (a cos - b sin, b cos + a sin) for every pair of the first `rotary` elements of a head.
//   traffic  x once in and out; the table row of a token is read once a head, from the first-level cache
#include "cpu/position/position.h"

#include "cpu/simd/lanes.h"

HE_ISA_BEGIN

namespace {

struct Pair {
  V16 a, b;
};
Pair rotate(V16 a, V16 b, V16 c, V16 s) { return {fnma(b, s, a * c), fma(a, s, b * c)}; }

void rotate_halves(float* x, const float* cosines, const float* sines, V16 sign, int64_t half) {
  for_lanes(half, [&](int64_t i, int64_t n) {
    const Pair p = rotate(load_some(x + i, n), load_some(x + half + i, n), load_some(cosines + i, n), load_some(sines + i, n) * sign);
    store_some(x + i, p.a, n);
    store_some(x + half + i, p.b, n);
  });
}

void rotate_interleaved(float* x, const float* cosines, const float* sines, V16 sign, int64_t half) {
  for_lanes(half, [&](int64_t i, int64_t n) {
    float even[kLanes] = {}, odd[kLanes] = {};
    for (int64_t j = 0; j < n; ++j) {
      even[j] = x[2 * (i + j)];
      odd[j] = x[2 * (i + j) + 1];
    }
    const Pair p = rotate(load(even), load(odd), load_some(cosines + i, n), load_some(sines + i, n) * sign);
    store(even, p.a);
    store(odd, p.b);
    for (int64_t j = 0; j < n; ++j) {
      x[2 * (i + j)] = even[j];
      x[2 * (i + j) + 1] = odd[j];
    }
  });
}

void rotary(const Rotary& a, int64_t token_begin, int64_t token_end) {
  const int64_t half = a.rotary / 2;
  const V16 sign = splat(a.inverse ? -1.0f : 1.0f);
  for (int64_t t = token_begin; t < token_end; ++t) {
    // A position outside the table is the caller's error; memory stays safe.
    const int64_t position = a.positions[t] < 0 ? 0 : a.positions[t] < a.table_rows ? a.positions[t] : a.table_rows - 1;
    const float* cosines = a.table + position * a.table_stride;
    for (int64_t h = 0; h < a.heads; ++h) {
      float* x = a.x + t * a.token_stride + h * a.head_stride;
      (a.interleaved ? rotate_interleaved : rotate_halves)(x, cosines, cosines + half, sign, half);
    }
  }
}

}  // namespace

void fill(PositionKernels&);
void fill(PositionKernels& t) { t.rotary = rotary; }

HE_ISA_END
