// The orders of sums of docs/numerics.md for bf16 products, one element at a time and straight from the page: what every engine must give, bit for bit.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/context.h"

namespace he::testing {

// To nearest, ties to even, by way of the library's own rounding of doubles.
inline float rounded_bf16(float x) {
  if (!std::isfinite(x) || x == 0) return x;
  int exponent;
  std::frexp(x, &exponent);  // |x| in [2^(exponent-1), 2^exponent): 8 significant bits
  const int unit = exponent - 8 < -133 ? -133 : exponent - 8;
  return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(x), -unit)), unit));
}

inline float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }

// Chunks of 256 by fused multiply-adds, joined by the tree.
inline float sum_fma(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> sums;
  for (size_t first = 0; first < a.size() || first == 0; first += 256) {
    float s = 0;
    for (size_t k = first; k < std::min(first + 256, a.size()); ++k) s = std::fma(a[k], b[k], s);
    sums.push_back(s);
  }
  while (sums.size() > 1) {
    std::vector<float> next;
    for (size_t i = 0; i + 1 < sums.size(); i += 2) next.push_back(sums[i] + sums[i + 1]);
    if (sums.size() % 2 != 0) next.push_back(sums.back());
    sums = next;
  }
  return sums[0];
}

// One chain: of each pair the second, then the first.
inline float sum_dot(const std::vector<float>& a, const std::vector<float>& b) {
  float s = 0;
  for (size_t k = 0; k < a.size(); k += 2) {
    const bool both = k + 1 < a.size();
    s = flushed(std::fma(both ? flushed(a[k + 1]) : 0.0f, both ? flushed(b[k + 1]) : 0.0f, s));
    s = flushed(std::fma(flushed(a[k]), flushed(b[k]), s));
  }
  return s;
}

// Blocks of 32: the even ones and the odd ones apart, then together, then to the sum.
inline float sum_amx(const std::vector<float>& a, const std::vector<float>& b) {
  float s = 0;
  for (size_t first = 0; first < a.size(); first += 32) {
    float part[2] = {0, 0};
    for (size_t k = first; k < first + 32; ++k) {
      const bool there = k < a.size();
      part[k % 2] = flushed(std::fma(there ? flushed(a[k]) : 0.0f, there ? flushed(b[k]) : 0.0f, part[k % 2]));
    }
    s = flushed(s + flushed(part[0] + part[1]));
  }
  return s;
}

inline float sum_of(const std::string& variant, const std::vector<float>& a, const std::vector<float>& b) {
  return variant == "bf16-dot-v1" ? sum_dot(a, b) : variant == "bf16-amx-v1" ? sum_amx(a, b) : sum_fma(a, b);
}

// Whether an engine's order is known from the manual alone: the processor that we measured it on is another. There a difference in the last bits is reported, not failed.
inline bool order_by_manual(const std::string& engine) {
#if defined(__x86_64__)
  return engine == "amx" || (engine == "dot" && __builtin_cpu_is("amd") == 0);
#else
  return false;
#endif
}

}  // namespace he::testing
