#include <functional>

#include "tests/testing.h"

namespace he {
namespace {

using namespace he::testing;

struct Case {
  int64_t rows, width;
  bool centred;
  float offset;
  bool residual, bias;
};

const Case kCases[] = {{1, 1, false, 0, false, false},    {3, 15, false, 0, true, false},  {5, 16, true, 0, false, true},
                       {7, 17, true, 0, true, true},      {65, 33, false, 1, true, false}, {130, 100, true, 0, true, true},
                       {257, 576, false, 0, true, false}, {200, 48, true, 0, false, true}};

struct Tensors {
  std::vector<float> x, residual, weight, bias, sum, y, statistics, dy, d_sum, d_weight, d_bias;
};

Tensors make(const Case& c, Random& random) {
  Tensors t;
  t.x = random.normals(c.rows * c.width, 2);
  t.residual = random.normals(c.rows * c.width);
  for (float& v : t.x) v += 3;  // a mean that a one-pass variance would feel
  t.weight = random.normals(c.width);
  t.bias = random.normals(c.width);
  t.dy = random.normals(c.rows * c.width);
  t.sum = t.y = t.d_sum = std::vector<float>(t.x.size());
  t.statistics.resize(static_cast<size_t>(2 * c.rows));
  t.d_weight = random.normals(c.width);
  t.d_bias = random.normals(c.width);
  return t;
}

constexpr float kEpsilon = 1e-5f;

void run(he_context* ctx, const Case& c, Tensors& t) {
  ASSERT_EQ(he_norm(ctx, c.rows, c.width, t.x.data(), c.width, c.residual ? t.residual.data() : nullptr, c.width, t.weight.data(),
                    c.bias ? t.bias.data() : nullptr, c.centred, kEpsilon, c.offset, c.residual ? t.sum.data() : nullptr, c.width,
                    t.y.data(), c.width, t.statistics.data(), 2),
            HE_OK)
      << he_last_error();
  const float* sum = c.residual ? t.sum.data() : t.x.data();
  ASSERT_EQ(he_norm_backward(ctx, c.rows, c.width, t.dy.data(), c.width, sum, c.width, t.weight.data(), t.statistics.data(), 2, c.centred,
                             c.offset, t.d_sum.data(), c.width, 0, t.d_weight.data(), t.d_bias.data()),
            HE_OK)
      << he_last_error();
}

TEST(Norm, OddSizes_AgreeWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : kCases) {
    Tensors t = make(c, random);
    const Tensors before = t;
    Context ctx;
    run(ctx, c, t);
    const size_t w = static_cast<size_t>(c.width);
    std::vector<double> y(t.x.size()), dx(t.x.size()), dw(before.d_weight.begin(), before.d_weight.end()),
        db(before.d_bias.begin(), before.d_bias.end());
    for (size_t r = 0; r < static_cast<size_t>(c.rows); ++r) {
      std::vector<double> s(w), n(w), g(w);
      double mean = 0, square = 0, mean_g = 0, mean_gn = 0;
      for (size_t i = 0; i < w; ++i) s[i] = c.residual ? before.x[r * w + i] + before.residual[r * w + i] : before.x[r * w + i];
      for (size_t i = 0; c.centred && i < w; ++i) mean += s[i] / static_cast<double>(w);
      for (size_t i = 0; i < w; ++i) square += (s[i] - mean) * (s[i] - mean) / static_cast<double>(w);
      const double scale = 1 / std::sqrt(square + kEpsilon);
      for (size_t i = 0; i < w; ++i) {
        n[i] = (s[i] - mean) * scale;
        const double weight = before.weight[i] + c.offset, d = before.dy[r * w + i];
        y[r * w + i] = n[i] * weight + (c.bias ? before.bias[i] : 0);
        g[i] = d * weight;
        dw[i] += d * n[i];
        db[i] += d;
        mean_g += c.centred ? g[i] / static_cast<double>(w) : 0;
        mean_gn += g[i] * n[i] / static_cast<double>(w);
      }
      for (size_t i = 0; i < w; ++i) dx[r * w + i] = scale * (g[i] - mean_g - n[i] * mean_gn);
    }
    EXPECT_TRUE(near(y, t.y, 4e-6, 8e-6)) << c.rows << " x " << c.width;
    EXPECT_TRUE(near(dx, t.d_sum, 1e-5, c.width == 1 ? 1e-3 : 2e-5)) << c.rows << " x " << c.width;
    EXPECT_TRUE(near(dw, t.d_weight, 1e-5, 1e-4)) << c.rows << " x " << c.width;
    EXPECT_TRUE(near(db, t.d_bias, 1e-5, 1e-4)) << c.rows << " x " << c.width;
  }
}

TEST(Norm, EveryIsaAndThreadCount_GivesTheSameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : kCases) {
    const Tensors input = make(c, random);
    Tensors expected = input;
    Context scalar("scalar", 1);
    run(scalar, c, expected);
    for (const std::string& isa : isa_names()) {
      for (const int threads : {1, 3}) {
        Tensors t = input;
        Context ctx(isa, threads);
        run(ctx, c, t);
        EXPECT_TRUE(same_bits(expected.y, t.y)) << isa;
        EXPECT_TRUE(same_bits(expected.statistics, t.statistics)) << isa;
        EXPECT_TRUE(same_bits(expected.d_sum, t.d_sum)) << isa;
        EXPECT_TRUE(same_bits(expected.d_weight, t.d_weight)) << isa;
        EXPECT_TRUE(same_bits(expected.d_bias, t.d_bias)) << isa;
      }
    }
  }
}

TEST(Norm, InPlaceAndStridedRows_GiveTheSameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  const int64_t rows = 9, width = 37, stride = 50;
  const std::vector<float> x = random.normals(rows * width), r = random.normals(rows * width), w = random.normals(width);
  std::vector<float> sum(x.size()), y(x.size()), statistics(2 * rows);
  Context ctx;
  ASSERT_EQ(he_norm(ctx, rows, width, x.data(), width, r.data(), width, w.data(), nullptr, 0, kEpsilon, 0, sum.data(), width, y.data(),
                    width, statistics.data(), 2),
            HE_OK);
  std::vector<float> wide(rows * stride, 7.0f), residual = r, found(x.size());
  for (int64_t i = 0; i < rows; ++i) std::copy_n(&x[i * width], width, &wide[i * stride]);
  ASSERT_EQ(he_norm(ctx, rows, width, wide.data(), stride, residual.data(), width, w.data(), nullptr, 0, kEpsilon, 0, residual.data(),
                    width, wide.data(), stride, nullptr, 0),
            HE_OK);
  for (int64_t i = 0; i < rows; ++i) {
    std::copy_n(&wide[i * stride], width, &found[i * width]);
    for (int64_t j = width; j < stride; ++j) EXPECT_EQ(wide[i * stride + j], 7.0f);
  }
  EXPECT_TRUE(same_bits(y, found));
  EXPECT_TRUE(same_bits(sum, residual));

  // dSum may be dy; accumulating adds to what is there.
  const std::vector<float> dy = random.normals(rows * width);
  std::vector<float> apart(x.size()), in_place = dy, added(x.size(), 0.0f);
  ASSERT_EQ(he_norm_backward(ctx, rows, width, dy.data(), width, sum.data(), width, w.data(), statistics.data(), 2, 0, 0, apart.data(),
                             width, 0, nullptr, nullptr),
            HE_OK);
  ASSERT_EQ(he_norm_backward(ctx, rows, width, in_place.data(), width, sum.data(), width, w.data(), statistics.data(), 2, 0, 0,
                             in_place.data(), width, 0, nullptr, nullptr),
            HE_OK);
  ASSERT_EQ(he_norm_backward(ctx, rows, width, dy.data(), width, sum.data(), width, w.data(), statistics.data(), 2, 0, 0, added.data(),
                             width, 1, nullptr, nullptr),
            HE_OK);
  EXPECT_TRUE(same_bits(apart, in_place));
  for (size_t i = 0; i < added.size(); ++i) EXPECT_EQ(added[i], apart[i]);
}

TEST(Norm, NanRow_StaysInItsRow) {
  const int64_t rows = 3, width = 20;
  std::vector<float> x(rows * width, 1.0f), w(width, 1.0f), y(x.size());
  x[width + 3] = std::nanf("");
  Context ctx;
  ASSERT_EQ(
      he_norm(ctx, rows, width, x.data(), width, nullptr, 0, w.data(), nullptr, 0, kEpsilon, 0, nullptr, 0, y.data(), width, nullptr, 0),
      HE_OK);
  for (int64_t i = 0; i < width; ++i) {
    EXPECT_FALSE(std::isnan(y[i]));
    EXPECT_TRUE(std::isnan(y[width + i]));
    EXPECT_FALSE(std::isnan(y[2 * width + i]));
  }
}

TEST(Norm, NullWhereNeeded_IsRefused) {
  std::vector<float> x(4);
  Context ctx;
  EXPECT_EQ(he_norm(ctx, 1, 4, x.data(), 4, nullptr, 0, nullptr, nullptr, 0, kEpsilon, 0, nullptr, 0, x.data(), 4, nullptr, 0),
            HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_norm(ctx, 1, 4, x.data(), 4, x.data(), 4, x.data(), nullptr, 0, kEpsilon, 0, nullptr, 0, x.data(), 4, nullptr, 0),
            HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_norm(ctx, 0, 4, nullptr, 4, nullptr, 0, nullptr, nullptr, 0, kEpsilon, 0, nullptr, 0, nullptr, 4, nullptr, 0), HE_OK);
}

}  // namespace
}  // namespace he
