#include "tests/testing.h"

namespace he {
namespace {

using namespace he::testing;

TEST(AdamW, ThreeSteps_AgreeWithPlainLoopsOnEveryIsa) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const int64_t n : {1, 17, 4096, 40001}) {
    const std::vector<float> p0 = random.normals(n);
    std::vector<std::vector<float>> gradients = {random.normals(n, 0.1f), random.normals(n, 0.1f), random.normals(n, 0.1f)};
    const float scale = 0.7f;
    std::vector<double> p(p0.begin(), p0.end()), m(p.size()), v(p.size());
    for (int step = 1; step <= 3; ++step)
      for (size_t i = 0; i < p.size(); ++i) {
        const double g = static_cast<double>(gradients[step - 1][i]) * scale;
        p[i] *= 1 - 1e-2 * 0.1;
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.95 * v[i] + 0.05 * g * g;
        p[i] -= 1e-2 / (1 - std::pow(0.9, step)) * m[i] / (std::sqrt(v[i]) / std::sqrt(1 - std::pow(0.95, step)) + 1e-8);
      }
    std::vector<float> first;
    for (const std::string& isa : isa_names()) {
      std::vector<float> q = p0, mm(p0.size()), vv(p0.size());
      Context ctx(isa, 3);
      for (int step = 1; step <= 3; ++step)
        ASSERT_EQ(he_adamw(ctx, n, q.data(), gradients[step - 1].data(), mm.data(), vv.data(), 1e-2, 0.9, 0.95, 1e-8, 0.1, step, &scale),
                  HE_OK);
      EXPECT_TRUE(near(p, q, 1e-6, 1e-6)) << isa;
      EXPECT_TRUE(near(m, mm, 1e-5, 1e-7)) << isa;
      EXPECT_TRUE(near(v, vv, 1e-5, 1e-9)) << isa;
      if (first.empty()) first = q;
      EXPECT_TRUE(same_bits(first, q)) << isa;
    }
  }
}

TEST(AdamW, PaddingWithEpsilonZero_StaysZero) {
  std::vector<float> p(5), g(5), m(5), v(5);
  Context ctx;
  ASSERT_EQ(he_adamw(ctx, 5, p.data(), g.data(), m.data(), v.data(), 1e-3, 0.9, 0.999, 0, 0.1, 1, nullptr), HE_OK);
  for (const float x : p) EXPECT_EQ(x, 0.0f);
}

TEST(AdamW, NanScale_ReachesTheParameters) {
  std::vector<float> p = {1}, g = {1}, m(1), v(1);
  const float scale = std::nanf("");
  Context ctx;
  ASSERT_EQ(he_adamw(ctx, 1, p.data(), g.data(), m.data(), v.data(), 1e-3, 0.9, 0.999, 1e-8, 0, 1, &scale), HE_OK);
  EXPECT_TRUE(std::isnan(p[0]));
}

TEST(AdamW, StepZero_IsRefused) {
  float x = 0;
  Context ctx;
  EXPECT_EQ(he_adamw(ctx, 1, &x, &x, &x, &x, 1e-3, 0.9, 0.999, 1e-8, 0, 0, nullptr), HE_INVALID_ARGUMENT);
}

TEST(SquaredNorm, SeveralTensors_SameBitsForEveryIsaAndThreadCount) {
  Random random;
  SCOPED_TRACE(random.seed());
  std::vector<std::vector<float>> tensors;
  for (const int64_t n : {0, 1, 4095, 4096, 4097, 200003}) tensors.push_back(random.normals(n));
  std::vector<const float*> pointers;
  std::vector<int64_t> lengths;
  long double exact = 0;
  for (const std::vector<float>& t : tensors) {
    pointers.push_back(t.data());
    lengths.push_back(static_cast<int64_t>(t.size()));
    for (const float x : t) exact += static_cast<long double>(x) * x;
  }
  std::vector<double> results;
  for (const std::string& isa : isa_names())
    for (const int threads : {1, 2, 5}) {
      double result = -1;
      Context ctx(isa, threads);
      ASSERT_EQ(he_squared_norm(ctx, static_cast<int32_t>(pointers.size()), pointers.data(), lengths.data(), &result), HE_OK);
      results.push_back(result);
    }
  for (const double r : results) EXPECT_EQ(r, results[0]);
  EXPECT_NEAR(results[0], static_cast<double>(exact), 1e-12 * static_cast<double>(exact));
}

}  // namespace
}  // namespace he
