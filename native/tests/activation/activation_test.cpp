#include <limits>

#include "tests/testing.h"

namespace he {
namespace {

using namespace he::testing;

constexpr double kPi = 3.14159265358979323846;

double value(int kind, double x) {
  switch (kind) {
    case 0:
      return x > 0 ? x : 0;
    case 1:
      return x / (1 + std::exp(-x));
    case 2:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    default:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / kPi) * (x + 0.044715 * x * x * x)));
  }
}

double slope(int kind, double x) {
  if (kind == 0) return x > 0 ? 1 : 0;
  const double h = 1e-5 * (1 + std::abs(x));
  return (value(kind, x + h) - value(kind, x - h)) / (2 * h);
}

const int64_t kSizes[][2] = {{1, 1}, {1, 15}, {3, 16}, {5, 33}, {2, 20000}, {300, 100}};

TEST(Activation, EveryKind_AgreesWithPlainLoopsOnEveryIsa) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const auto& [rows, width] : kSizes) {
    const std::vector<float> x = random.normals(rows * width, 4), up = random.normals(rows * width), dy = random.normals(rows * width);
    for (int kind = 0; kind < 4; ++kind) {
      std::vector<double> y, dx, gated, d_gate, d_up;
      for (size_t i = 0; i < x.size(); ++i) {
        const double f = value(kind, x[i]), s = slope(kind, x[i]);
        y.push_back(f);
        dx.push_back(dy[i] * s);
        gated.push_back(f * up[i]);
        d_gate.push_back(dy[i] * up[i] * s);
        d_up.push_back(dy[i] * f);
      }
      std::vector<std::vector<float>> first;
      for (const std::string& isa : isa_names()) {
        Context ctx(isa, 2);
        std::vector<float> a(x.size()), b(x.size()), c(x.size()), d = x, e = up;
        ASSERT_EQ(he_activate(ctx, kind, rows, width, x.data(), width, a.data(), width), HE_OK);
        ASSERT_EQ(he_activate_backward(ctx, kind, rows, width, x.data(), width, dy.data(), width, b.data(), width), HE_OK);
        ASSERT_EQ(he_gate(ctx, kind, rows, width, x.data(), width, up.data(), width, c.data(), width), HE_OK);
        // In place, as the contract allows: dGate over gate, dUp over up.
        ASSERT_EQ(
            he_gate_backward(ctx, kind, rows, width, d.data(), width, e.data(), width, dy.data(), width, d.data(), width, e.data(), width),
            HE_OK);
        // A slope cancels to an error of at most 4e-7, which dy (at most 8 in 1e15 draws) and up multiply.
        EXPECT_TRUE(near(y, a, 2e-6, 2e-6)) << isa << " kind " << kind;
        EXPECT_TRUE(near(dx, b, 2e-6, 4e-6)) << isa << " kind " << kind;
        EXPECT_TRUE(near(gated, c, 2e-6, 4e-6)) << isa << " kind " << kind;
        EXPECT_TRUE(near(d_gate, d, 2e-6, 2e-5)) << isa << " kind " << kind;
        EXPECT_TRUE(near(d_up, e, 2e-6, 4e-6)) << isa << " kind " << kind;
        if (first.empty()) first = {a, b, c, d, e};
        EXPECT_TRUE(same_bits(first[0], a) && same_bits(first[1], b) && same_bits(first[2], c) && same_bits(first[3], d) &&
                    same_bits(first[4], e))
            << isa;
      }
    }
  }
}

TEST(Activation, StridedRows_AreLeftAloneBetween) {
  Random random;
  const int64_t rows = 4, width = 19, stride = 32;
  const std::vector<float> x = random.normals(rows * stride);
  std::vector<float> dense(rows * width), packed(rows * width), y(rows * stride, 5.0f);
  for (int64_t r = 0; r < rows; ++r) std::copy_n(&x[r * stride], width, &packed[r * width]);
  Context ctx;
  ASSERT_EQ(he_activate(ctx, 1, rows, width, packed.data(), width, dense.data(), width), HE_OK);
  ASSERT_EQ(he_activate(ctx, 1, rows, width, x.data(), stride, y.data(), stride), HE_OK);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < stride; ++i) EXPECT_EQ(y[r * stride + i], i < width ? dense[r * width + i] : 5.0f);
}

TEST(Activation, InfinityAndNan) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {inf, -100.0f, std::nanf(""), 0.0f}, ones(4, 1.0f);
  Context ctx;
  for (int kind = 0; kind < 4; ++kind) {
    std::vector<float> y(4), dx(4);
    ASSERT_EQ(he_activate(ctx, kind, 1, 4, x.data(), 4, y.data(), 4), HE_OK);
    ASSERT_EQ(he_activate_backward(ctx, kind, 1, 4, x.data(), 4, ones.data(), 4, dx.data(), 4), HE_OK);
    EXPECT_EQ(y[0], inf) << kind;
    EXPECT_NEAR(y[1], 0, 1e-30) << kind;
    EXPECT_TRUE(std::isnan(y[2])) << kind;
    EXPECT_EQ(y[3], 0) << kind;
    EXPECT_EQ(dx[0], 1) << kind;
    EXPECT_NEAR(dx[1], 0, 1e-30) << kind;
  }
}

TEST(Axpby, BetaZero_DoesNotReadTheOldValue) {
  Random random;
  const std::vector<float> x = random.normals(37);
  std::vector<float> y(37, std::nanf("")), z = random.normals(37);
  const std::vector<float> before = z;
  Context ctx;
  ASSERT_EQ(he_axpby(ctx, 1, 37, 0.5f, x.data(), 37, 0, y.data(), 37), HE_OK);
  ASSERT_EQ(he_axpby(ctx, 37, 1, -2, x.data(), 1, 0.25f, z.data(), 1), HE_OK);
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(y[i], 0.5f * x[i]);
    EXPECT_NEAR(z[i], -2.0 * x[i] + 0.25 * before[i], 1e-6);
  }
}

TEST(ScaleColumns, WithAndWithoutOffset_MultipliesByColumn) {
  Random random;
  const int64_t rows = 3, width = 21, stride = 25;
  const std::vector<float> x = random.normals(rows * stride), scale = random.normals(width), offset = random.normals(width);
  std::vector<float> y = x, in_place = x;
  Context ctx;
  ASSERT_EQ(he_scale_columns(ctx, rows, width, x.data(), stride, scale.data(), nullptr, y.data(), stride), HE_OK);
  ASSERT_EQ(he_scale_columns(ctx, rows, width, in_place.data(), stride, scale.data(), offset.data(), in_place.data(), stride), HE_OK);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < stride; ++c) {
      const size_t i = r * stride + c;
      EXPECT_EQ(y[i], c < width ? scale[c] * x[i] : x[i]);
      EXPECT_EQ(in_place[i], c < width ? std::fma(scale[c], x[i], offset[c]) : x[i]);
    }
  }
  EXPECT_EQ(he_scale_columns(ctx, 1, 1, x.data(), 1, nullptr, nullptr, y.data(), 1), HE_INVALID_ARGUMENT);
}

TEST(Activation, UnknownKindOrNull_IsRefused) {
  float x = 0;
  Context ctx;
  EXPECT_EQ(he_activate(ctx, 4, 1, 1, &x, 1, &x, 1), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_activate(ctx, 0, 1, 1, nullptr, 1, &x, 1), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_activate(nullptr, 0, 1, 1, &x, 1, &x, 1), HE_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace he
