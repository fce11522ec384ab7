#include <algorithm>
#include <numeric>

#include "tests/testing.h"

namespace he {
namespace {

using namespace he::testing;

std::vector<double> softmax(const float* x, int64_t n) {
  std::vector<double> p(x, x + n);
  const double top = *std::max_element(p.begin(), p.end());
  double sum = 0;
  for (double& v : p) sum += v = std::exp(v - top);
  for (double& v : p) v /= sum;
  return p;
}

// Weights of chosen experts as a function of the logits.
std::vector<double> weights_of(const float* x, int64_t n, const int32_t* chosen, int64_t k, bool normalize) {
  const std::vector<double> p = softmax(x, n);
  std::vector<double> w;
  double sum = 0;
  for (int64_t i = 0; i < k; ++i) sum += p[chosen[i]];
  for (int64_t i = 0; i < k; ++i) w.push_back(p[chosen[i]] / (normalize ? sum : 1));
  return w;
}

TEST(Expert, Routing_AgreesWithPlainLoopsAndFiniteDifferences) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const auto& [experts, k] : {std::pair<int64_t, int64_t>{1, 1}, {8, 2}, {33, 4}, {128, 8}})
    for (const bool normalize : {false, true}) {
      const int64_t tokens = 70;
      std::vector<float> logits = random.normals(tokens * experts, 2);
      if (experts > 3) logits[2] = logits[1] = 9;  // a tie at the top: the lower index first
      const std::vector<float> d = random.normals(tokens * k);
      std::vector<int32_t> chosen(tokens * k);
      std::vector<float> weights(tokens * k), d_logits(tokens * experts), first;
      for (const std::string& isa : isa_names()) {
        Context ctx(isa, 2);
        ASSERT_EQ(he_route_experts(ctx, tokens, experts, k, normalize, logits.data(), experts, chosen.data(), k, weights.data(), k), HE_OK);
        ASSERT_EQ(he_route_experts_backward(ctx, tokens, experts, k, normalize, logits.data(), experts, chosen.data(), k, d.data(), k,
                                            d_logits.data(), experts),
                  HE_OK);
        if (first.empty()) first = d_logits;
        EXPECT_TRUE(same_bits(first, d_logits)) << isa;
      }
      for (int64_t t = 0; t < tokens; ++t) {
        float* row = &logits[t * experts];
        std::vector<int32_t> order(experts);
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return row[a] > row[b]; });
        order.resize(k);
        ASSERT_TRUE(same_bits(order, std::vector<int32_t>(&chosen[t * k], &chosen[t * k] + k)));
        ASSERT_TRUE(near(weights_of(row, experts, order.data(), k, normalize), std::vector<float>(&weights[t * k], &weights[t * k] + k),
                         2e-6, 1e-9));
        for (int64_t e = 0; e < experts; ++e) {
          const float x = row[e], h = 1e-2f;
          double slope = 0;
          row[e] = x + h;
          const float up = row[e];
          const std::vector<double> plus = weights_of(row, experts, order.data(), k, normalize);
          row[e] = x - h;
          const float down = row[e];
          const std::vector<double> minus = weights_of(row, experts, order.data(), k, normalize);
          row[e] = x;
          for (int64_t i = 0; i < k; ++i) slope += d[t * k + i] * (plus[i] - minus[i]) / (static_cast<double>(up) - down);
          ASSERT_NEAR(d_logits[t * experts + e], slope, 2e-4);
        }
      }
    }
}

TEST(Expert, WrongArguments_AreRefused) {
  std::vector<float> x(8);
  std::vector<int32_t> chosen = {8};
  Context ctx;
  EXPECT_EQ(he_route_experts(ctx, 1, 8, 9, 0, x.data(), 8, chosen.data(), 9, x.data(), 9), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_route_experts_backward(ctx, 1, 8, 1, 0, x.data(), 8, chosen.data(), 1, x.data(), 1, x.data(), 8), HE_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace he
