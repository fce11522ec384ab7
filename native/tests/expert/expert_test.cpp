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

TEST(Expert, GroupedChoices_CombinedAgain_AgreeWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const auto& [experts, k, width] : {std::tuple<int64_t, int64_t, int64_t>{1, 1, 1}, {5, 2, 37}, {16, 3, 64}}) {
    const int64_t tokens = 50, choices = tokens * k;
    const std::vector<float> order = random.normals(choices), grouped = random.normals(choices * width), weights = random.normals(choices),
                             dy = random.normals(tokens * width);
    std::vector<int32_t> chosen(choices), offsets(experts + 1), owners(choices), slots(choices);
    for (int64_t i = 0; i < choices; ++i) chosen[i] = static_cast<int32_t>(std::abs(order[i]) * 1000) % static_cast<int32_t>(experts);
    std::vector<float> first;
    for (const std::string& isa : isa_names()) {
      Context ctx(isa, 2);
      ASSERT_EQ(he_group_choices(ctx, tokens, experts, k, chosen.data(), offsets.data(), owners.data(), slots.data()), HE_OK);
      for (int64_t i = 0; i < choices; ++i) {
        int64_t before = 0;  // choices that go in front of i: of a lower expert, or of the same and earlier
        for (int64_t j = 0; j < choices; ++j) before += chosen[j] < chosen[i] || (chosen[j] == chosen[i] && j < i);
        ASSERT_EQ(slots[i], before);
        ASSERT_EQ(owners[before], i / k);
      }
      ASSERT_EQ(offsets[experts], choices);
      std::vector<float> all(tokens * width), d_grouped(choices * width), d_weights(choices);
      ASSERT_EQ(he_combine_choices(ctx, tokens, k, width, grouped.data(), width, slots.data(), weights.data(), k, all.data(), width), HE_OK);
      ASSERT_EQ(he_combine_choices_backward(ctx, tokens, k, width, grouped.data(), width, slots.data(), weights.data(), k, dy.data(), width,
                                            d_grouped.data(), width, d_weights.data(), k),
                HE_OK);
      std::vector<double> y(tokens * width), dw(choices);
      for (int64_t i = 0; i < choices; ++i)
        for (int64_t c = 0; c < width; ++c) {
          y[i / k * width + c] += static_cast<double>(weights[i]) * grouped[slots[i] * width + c];
          dw[i] += static_cast<double>(dy[i / k * width + c]) * grouped[slots[i] * width + c];
          ASSERT_EQ(d_grouped[slots[i] * width + c], weights[i] * dy[i / k * width + c]);
        }
      ASSERT_TRUE(near(y, all, 1e-5, 1e-5));
      ASSERT_TRUE(near(dw, d_weights, 1e-4, 1e-5));
      all.insert(all.end(), d_weights.begin(), d_weights.end());
      if (first.empty()) first = all;
      EXPECT_TRUE(same_bits(first, all)) << isa;
    }
  }
}

TEST(Expert, Load_SumsSoftmaxAndCounts) {
  Random random;
  SCOPED_TRACE(random.seed());
  const int64_t tokens = 33, experts = 19, k = 2;
  const std::vector<float> logits = random.normals(tokens * experts, 2), d = random.normals(experts);
  std::vector<int32_t> chosen(tokens * k);
  std::vector<float> weights(tokens * k);
  Context ctx;
  ASSERT_EQ(he_route_experts(ctx, tokens, experts, k, 0, logits.data(), experts, chosen.data(), k, weights.data(), k), HE_OK);
  std::vector<double> counts(experts, 1), sums(experts, 1), expected(experts, 1), times(experts, 1), gradient(tokens * experts);
  std::vector<float> d_logits(tokens * experts);
  ASSERT_EQ(he_expert_load(ctx, tokens, experts, k, logits.data(), experts, chosen.data(), counts.data(), sums.data()), HE_OK);
  ASSERT_EQ(he_expert_load_backward(ctx, tokens, experts, logits.data(), experts, d.data(), d_logits.data(), experts), HE_OK);
  for (const int32_t e : chosen) times[e] += 1;
  for (int64_t t = 0; t < tokens; ++t) {
    const std::vector<double> p = softmax(&logits[t * experts], experts);
    double dot = 0;
    for (int64_t e = 0; e < experts; ++e) expected[e] += p[e], dot += d[e] * p[e];
    for (int64_t e = 0; e < experts; ++e) gradient[t * experts + e] = p[e] * (d[e] - dot);
  }
  EXPECT_EQ(times, counts);
  for (int64_t e = 0; e < experts; ++e) EXPECT_NEAR(expected[e], sums[e], 1e-5);
  EXPECT_TRUE(near(gradient, d_logits, 2e-6, 1e-6));
}

TEST(Expert, WrongArguments_AreRefused) {
  std::vector<float> x(8);
  std::vector<int32_t> chosen = {8};
  Context ctx;
  EXPECT_EQ(he_route_experts(ctx, 1, 8, 9, 0, x.data(), 8, chosen.data(), 9, x.data(), 9), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_route_experts_backward(ctx, 1, 8, 1, 0, x.data(), 8, chosen.data(), 1, x.data(), 1, x.data(), 8), HE_INVALID_ARGUMENT);
  std::vector<int32_t> offsets(9), owners(1), slots = {1};
  std::vector<double> sums(8);
  EXPECT_EQ(he_group_choices(ctx, 1, 8, 1, chosen.data(), offsets.data(), owners.data(), slots.data()), HE_INVALID_ARGUMENT);
  slots = {1};
  EXPECT_EQ(he_combine_choices(ctx, 1, 1, 4, x.data(), 4, slots.data(), x.data(), 1, x.data() + 4, 4), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_expert_load(ctx, 1, 8, 1, x.data(), 8, chosen.data(), sums.data(), sums.data()), HE_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace he
