#include <bit>
#include <limits>

#include "tests/testing.h"

namespace he {
namespace {

using testing::isa_names;
using Function = void (*)(const float*, float*, int64_t);

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> apply(Function f, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  f(x.data(), y.data(), static_cast<int64_t>(x.size()));
  return y;
}

// Every 1021st float of both signs: all exponents, denormals, infinities and NaNs.
std::vector<float> whole_range() {
  std::vector<float> x;
  for (uint64_t bits = 0; bits <= 0xFFFFFFFFu; bits += 1021) x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  return x;
}

// Distance in units in the last place of the exact value.
double ulps(double exact, float found) {
  if (std::isnan(exact) && std::isnan(found)) return 0;
  const float nearest = static_cast<float>(exact);
  if (nearest == found) return 0;
  int exponent = 0;
  std::frexp(exact, &exponent);
  return std::abs(exact - found) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

TEST(Exp, WholeRange_WithinTwoUlps) {
  const std::vector<float> x = whole_range();
  const std::vector<float> y = apply(select_isa("").kernels.elementary.exp, x);
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double distance = ulps(std::exp(static_cast<double>(x[i])), y[i]);
    ASSERT_LE(distance, 2.0) << "exp(" << x[i] << ") is " << y[i];
    worst = std::max(worst, distance);
  }
  RecordProperty("worst_ulps", std::to_string(worst));
}

TEST(Exp, Corners_AreExact) {
  for (const std::string& isa : isa_names()) {
    const std::vector<float> y =
        apply(select_isa(isa).kernels.elementary.exp, {0.0f, -0.0f, -kInfinity, kInfinity, 88.8f, -104.5f, std::nanf("")});
    EXPECT_EQ(y[0], 1.0f) << isa;
    EXPECT_EQ(y[1], 1.0f) << isa;
    EXPECT_EQ(y[2], 0.0f) << isa;
    EXPECT_EQ(y[3], kInfinity) << isa;
    EXPECT_EQ(y[4], kInfinity) << isa;
    EXPECT_EQ(y[5], 0.0f) << isa;
    EXPECT_TRUE(std::isnan(y[6])) << isa;
  }
}

TEST(Elementary, EveryIsa_GivesTheBitsOfScalar) {
  const std::vector<float> x = whole_range();
  const cpu::ElementaryKernels& scalar = select_isa("scalar").kernels.elementary;
  const Function cpu::ElementaryKernels::*functions[] = {&cpu::ElementaryKernels::exp, &cpu::ElementaryKernels::tanh,
                                                         &cpu::ElementaryKernels::sigmoid, &cpu::ElementaryKernels::normal_cdf};
  for (const Function cpu::ElementaryKernels::*f : functions) {
    const std::vector<float> expected = apply(scalar.*f, x);
    for (const std::string& isa : isa_names()) {
      const std::vector<float> y = apply(select_isa(isa).kernels.elementary.*f, x);
      for (size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(expected[i]) && std::isnan(y[i])) continue;  // the payload of a NaN is not part of the rule
        ASSERT_EQ(std::bit_cast<uint32_t>(expected[i]), std::bit_cast<uint32_t>(y[i])) << isa << " at x = " << x[i];
      }
    }
  }
}

TEST(Tanh, WholeRange_WithinFiveUlps) {
  const std::vector<float> x = whole_range();
  const std::vector<float> y = apply(select_isa("").kernels.elementary.tanh, x);
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_LE(ulps(std::tanh(static_cast<double>(x[i])), y[i]), 5.0) << "tanh(" << x[i] << ") is " << y[i];
}

TEST(Sigmoid, WholeRange_RelativeError) {
  const std::vector<float> x = whole_range();
  const std::vector<float> y = apply(select_isa("").kernels.elementary.sigmoid, x);
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = 1.0 / (1.0 + std::exp(-static_cast<double>(x[i])));
    if (std::isnan(exact)) {
      ASSERT_TRUE(std::isnan(y[i]));
    } else {
      ASSERT_NEAR(exact, y[i], 4e-7 * exact + 1e-38) << "at " << x[i];  // below e^-88.7 the result may be 0
    }
  }
}

TEST(NormalCdf, WholeRange_AbsoluteError) {
  const std::vector<float> x = whole_range();
  const std::vector<float> y = apply(select_isa("").kernels.elementary.normal_cdf, x);
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = 0.5 * std::erfc(-static_cast<double>(x[i]) / std::sqrt(2.0));
    if (std::isnan(exact)) {
      ASSERT_TRUE(std::isnan(y[i]));
    } else {
      ASSERT_NEAR(exact, y[i], 2e-7) << "at " << x[i];
      if (x[i] < 0) {
        ASSERT_NEAR(exact, y[i], 2e-6 * exact + 1e-9) << "at " << x[i];
      }
    }
  }
}

}  // namespace
}  // namespace he
