// The value at which a running count or sum over values, taken in descending order, reaches a goal: found digit by digit without sorting.
#pragma once
#include <stdint.h>
#include <string.h>

#include "cpu/simd/isa.h"

HE_ISA_BEGIN

// Floats as integers in the same order (-0 as 0; NaN above infinity).
static inline uint32_t ordered(float x) {
  x += 0.0f;
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits ^ ((bits >> 31) != 0 ? 0xFFFFFFFFu : 0x80000000u);
}

// The float of a key.
static inline float unordered(uint32_t key) {
  const uint32_t bits = key ^ ((key >> 31) != 0 ? 0x80000000u : 0xFFFFFFFFu);
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

struct Threshold {
  uint32_t key;   // ordered() of the value
  double before;  // weight of all greater values
};

// The greatest value at which the weight of all values not below it reaches `goal` (> 0); the least value with a weight when they never do.
// weight(v) is the weight of element v, 0 to leave it out. Three passes of 11, 11 and 10 bits, sums in the order of v.
template <class Key, class Weight>
static inline Threshold find_threshold(int64_t n, double goal, Key key, Weight weight) {
  constexpr int kShift[3] = {21, 10, 0}, kBits[3] = {11, 11, 10};
  double bins[1 << 11] = {};
  uint32_t prefix = 0;
  double before = 0;
  for (int level = 0; level < 3; ++level) {
    const int size = 1 << kBits[level];
    const uint32_t mask = static_cast<uint32_t>(size - 1);
    int low = size, high = -1;  // bins that are in use: few, when values are few or alike
    for (int64_t v = 0; v < n; ++v) {
      const uint32_t k = key(v);
      if ((k >> kShift[level] >> kBits[level]) != prefix) continue;  // two shifts: one of 32 would not be defined
      const int bin = static_cast<int>((k >> kShift[level]) & mask);
      bins[bin] += weight(v);
      low = bin < low ? bin : low;
      high = bin > high ? bin : high;
    }
    int chosen = -1;
    double reached = before;
    for (int b = high; b >= low; --b) {
      if (!(bins[b] > 0)) continue;
      chosen = b;
      before = reached;
      reached += bins[b];
      if (reached >= goal) break;
    }
    if (chosen < 0) return {0, 0};  // nothing has a weight
    for (int b = low; b <= high; ++b) bins[b] = 0;
    prefix = (prefix << kBits[level]) | static_cast<uint32_t>(chosen);
  }
  return {prefix, before};
}

HE_ISA_END
