// Helpers of the native tests: random inputs, every instruction set of this machine, comparisons that a NaN fails.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "core/context.h"

namespace he::testing {

// Names of the instruction sets of this build on this machine, best first; "scalar" is the last.
inline std::vector<std::string> isa_names() {
  std::vector<std::string> names;
  std::stringstream list(available_isas());
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

// A context of one instruction set, destroyed at the end of the test.
class Context {
 public:
  explicit Context(const std::string& isa = "", int threads = 2, const std::string& engine = "")
      : context_(select_isa(isa), select_engine(select_isa(isa), engine), threads) {}
  operator he_context*() { return &context_; }

 private:
  he_context context_;
};

// Fresh numbers on every run; the seed is printed when a test fails.
class Random {
 public:
  explicit Random(uint64_t seed = std::random_device{}()) : seed_(seed), engine_(seed) {}
  uint64_t seed() const { return seed_; }
  float normal(float scale = 1) { return scale * std::normal_distribution<float>()(engine_); }
  int64_t integer(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine_); }  // both ends included
  double uniform() { return std::uniform_real_distribution<double>()(engine_); }
  std::vector<float> normals(int64_t n, float scale = 1) {
    std::vector<float> x(static_cast<size_t>(n));
    for (float& v : x) v = normal(scale);
    return x;
  }

 private:
  uint64_t seed_;
  std::mt19937_64 engine_;
};

// Same length and every element within absolute + relative * |expected|; a NaN on one side only fails.
inline ::testing::AssertionResult near(const std::vector<double>& expected, const std::vector<float>& actual, double relative,
                                       double absolute) {
  if (expected.size() != actual.size()) return ::testing::AssertionFailure() << "lengths " << expected.size() << " and " << actual.size();
  for (size_t i = 0; i < expected.size(); ++i) {
    const double e = expected[i], a = actual[i];
    if (std::isnan(e) && std::isnan(a)) continue;
    if (e == a) continue;
    if (!(std::abs(e - a) <= absolute + relative * std::abs(e)))
      return ::testing::AssertionFailure() << "element " << i << " of " << expected.size() << ": expected " << e << ", found " << a;
  }
  return ::testing::AssertionSuccess();
}

// Bit for bit.
template <class T>
::testing::AssertionResult same_bits(const std::vector<T>& expected, const std::vector<T>& actual) {
  if (expected.size() != actual.size()) return ::testing::AssertionFailure() << "lengths " << expected.size() << " and " << actual.size();
  for (size_t i = 0; i < expected.size(); ++i)
    if (std::memcmp(&expected[i], &actual[i], sizeof(T)) != 0)
      return ::testing::AssertionFailure() << "element " << i << " of " << expected.size() << ": expected " << expected[i] << ", found "
                                           << actual[i];
  return ::testing::AssertionSuccess();
}

}  // namespace he::testing
