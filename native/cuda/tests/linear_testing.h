// Products for the tests: plain loops in the order that docs/numerics.md gives, which the emulator has to meet bit for bit, and in float64.
#pragma once
#include <functional>

#include "cuda/linear/linear.h"
#include "cuda/tests/cuda_testing.h"

namespace he::testing {

using Operand = std::function<float(int outer, int inner)>;

struct Sizes {
  int rows, columns, inner;
};

/// What is added to the sums.
struct Extras {
  std::vector<float> bias, old;  // or empty
};

/// Chunks of 256, each one chain from zero, added ascending; then the bias, then what was there. A product of two bf16 is exact in float32, so fma and the emulator's mma agree.
inline std::vector<float> in_order(const Sizes& s, const Operand& a, const Operand& b, const Extras& extras = {}) {
  std::vector<float> y;
  for (int r = 0; r < s.rows; ++r)
    for (int c = 0; c < s.columns; ++c) {
      float total = 0;
      for (int first = 0; first < s.inner; first += cuda::kInnerChunk) {
        float part = 0;
        for (int i = first; i < std::min(first + cuda::kInnerChunk, s.inner); ++i) part = std::fma(a(r, i), b(c, i), part);
        total += part;
      }
      if (!extras.bias.empty()) total += extras.bias[c];
      if (!extras.old.empty()) total += extras.old[r * s.columns + c];
      y.push_back(total);
    }
  return y;
}

/// Every element within 2^-22 sqrt(inner) sum |a b| of the sum in float64: the bound of docs/numerics.md.
inline ::testing::AssertionResult near_product(const Sizes& s, const Operand& a, const Operand& b, const std::vector<float>& y) {
  for (int r = 0; r < s.rows; ++r)
    for (int c = 0; c < s.columns; ++c) {
      double sum = 0, size = 0;
      for (int i = 0; i < s.inner; ++i) {
        const double product = static_cast<double>(a(r, i)) * b(c, i);
        sum += product, size += std::abs(product);
      }
      const double found = y[r * s.columns + c];
      if (!(std::abs(found - sum) <= std::ldexp(std::sqrt(s.inner) * size, -22) + 1e-30))
        return ::testing::AssertionFailure() << "element (" << r << ", " << c << "): expected " << sum << ", found " << found;
    }
  return ::testing::AssertionSuccess();
}

/// A matrix on the device as the bf16 products want it: rows padded with zeros to a multiple of eight.
struct PaddedBf16 {
  int rows, columns, stride;
  DeviceArray<bf16> memory;

  PaddedBf16(const std::vector<float>& x, int rows_, int columns_)
      : rows(rows_), columns(columns_), stride((columns_ + 7) / 8 * 8), memory(padded(x, rows_, columns_, stride)) {}

  static std::vector<bf16> padded(const std::vector<float>& x, int rows, int columns, int stride) {
    std::vector<bf16> r(static_cast<size_t>(rows) * stride, bf16{0});
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) r[i * stride + j] = {emulator::round_bf16(x[i * columns + j])};
    return r;
  }
};

/// x rounded to bf16.
inline std::vector<float> rounded(const std::vector<float>& x) { return floats(as<bf16>(x)); }

/// Results on the device, with or without what was there before.
struct Results {
  Sizes sizes;
  DeviceArray<float> y, bias;
  cuda::Result result;

  Results(const Sizes& s, const Extras& extras)
      : sizes(s), y(extras.old.empty() ? DeviceArray<float>(static_cast<size_t>(s.rows) * s.columns) : DeviceArray<float>(extras.old)), bias(extras.bias),
        result{out(y), {}, s.columns, s.rows, s.columns, !extras.old.empty()} {
    if (!extras.bias.empty()) result.bias = in(bias);
  }
};

inline emulator::Index tiles(const Sizes& s, int rows, int columns) {
  return {static_cast<unsigned>((s.rows + rows - 1) / rows), static_cast<unsigned>((s.columns + columns - 1) / columns)};
}

}  // namespace he::testing
