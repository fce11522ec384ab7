// Walking a row of any length sixteen lanes at a time, without writing the tail twice.
#pragma once
#include "cpu/simd/v16.h"

HE_ISA_BEGIN

static inline V16 load_some(const float* p, int64_t n) { return n == kLanes ? load(p) : load_n(p, n); }
static inline void store_some(float* p, V16 a, int64_t n) {
  if (n == kLanes) {
    store(p, a);
  } else {
    store_n(p, a, n);
  }
}

// The first n lanes of a, the others 0.
static inline V16 keep_n(V16 a, int64_t n) {
  float t[kLanes];
  store(t, a);
  return load_n(t, n);
}

// Calls f(i, n) for i = 0, 16, ...; n is 16 (known to the compiler) but for the last, shorter one.
template <class F>
static inline __attribute__((always_inline)) void for_lanes(int64_t width, F f) {
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) f(i, int64_t{kLanes});
  if (i < width) f(i, width - i);
}

HE_ISA_END
