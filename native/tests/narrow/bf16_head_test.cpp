// The head with a bf16 weight: log-probabilities are those of its stored logits, gradients those of the derivative with every operand's rounding allowed for, and
// neither depends on instruction set or threads.
#include <limits>
#include <map>

#include "tests/narrow/orders.h"
#include "tests/packed.h"
#include "tests/testing.h"

namespace he {
namespace {

using testing::Context;
using testing::isa_names;
using testing::Random;
using testing::rounded_bf16;
using testing::same_bits;

struct Case {
  int64_t tokens, width, vocabulary;
  float temperature, soft_cap;
};

// Vocabularies around tiles of 512; rows around blocks of rows and the gradient's block of 1024.
const Case kCases[] = {{1, 7, 3, 1.0f, 0.0f}, {5, 33, 511, 0.7f, 0.0f}, {30, 24, 1041, 1.3f, 5.0f}, {1030, 9, 40, 1.0f, 0.0f}};

struct Problem {
  Problem(const Case& c, Random& random)
      : n(c), hidden(random.normals(c.tokens * c.width)), w(random.normals(c.vocabulary * c.width, 0.3f)), bias(random.normals(c.vocabulary)),
        d_log_prob(random.normals(c.tokens)), d_lse(random.normals(c.tokens)), d_entropy(random.normals(c.tokens)) {
    for (float& v : w) v = rounded_bf16(v);
    for (int64_t t = 0; t < c.tokens; ++t) targets.push_back(t % 7 == 3 ? -1 : static_cast<int32_t>(random.integer(0, c.vocabulary - 1)));
  }

  std::vector<uint16_t> head(he_context* c) const {
    std::vector<uint16_t> p(static_cast<size_t>(he_bf16_length(n.vocabulary, n.width)));
    EXPECT_EQ(he_bf16_narrow(c, testing::pack(c, w, n.vocabulary, n.width).data(), n.vocabulary, n.width, p.data()), HE_OK);
    return p;
  }
  // log_prob, log_sum_exp, entropy.
  std::vector<float> forward(he_context* c) const {
    const size_t t = static_cast<size_t>(n.tokens);
    std::vector<float> out(3 * t, 9.0f);
    EXPECT_EQ(he_bf16_log_probs(c, hidden.data(), n.width, n.tokens, n.width, head(c).data(), n.vocabulary, bias.data(), targets.data(), n.temperature, n.soft_cap,
                                out.data(), out.data() + t, out.data() + 2 * t), HE_OK);
    return out;
  }
  std::vector<float> logits(he_context* c) const {
    std::vector<float> y(static_cast<size_t>(n.tokens * n.vocabulary));
    EXPECT_EQ(he_bf16_logits(c, hidden.data(), n.width, n.tokens, n.width, head(c).data(), n.vocabulary, bias.data(), n.soft_cap, y.data(), n.vocabulary), HE_OK);
    return y;
  }
  // d_hidden, d_head (rows), d_bias.
  std::vector<float> backward(he_context* c) const {
    const size_t t = static_cast<size_t>(n.tokens);
    const std::vector<float> out = forward(c);
    std::vector<float> d_hidden(hidden.size(), 9.0f), d_head(static_cast<size_t>(he_linear_packed_length(n.vocabulary, n.width))), d_bias(bias.size());
    EXPECT_EQ(he_bf16_log_probs_backward(c, hidden.data(), n.width, n.tokens, n.width, head(c).data(), n.vocabulary, bias.data(), targets.data(), n.temperature,
                                         n.soft_cap, out.data() + t, out.data() + 2 * t, d_log_prob.data(), d_lse.data(), d_entropy.data(), d_hidden.data(), n.width,
                                         d_head.data(), d_bias.data()), HE_OK);
    const std::vector<float> rows = testing::unpack(c, d_head, n.vocabulary, n.width);
    d_hidden.insert(d_hidden.end(), rows.begin(), rows.end());
    d_hidden.insert(d_hidden.end(), d_bias.begin(), d_bias.end());
    return d_hidden;
  }

  Case n;
  std::vector<float> hidden, w, bias, d_log_prob, d_lse, d_entropy;
  std::vector<int32_t> targets;
};

class Bf16Head : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Cases, Bf16Head, ::testing::ValuesIn(kCases), [](const auto& p) {
  return std::to_string(p.param.tokens) + "x" + std::to_string(p.param.width) + "x" + std::to_string(p.param.vocabulary);
});

TEST_P(Bf16Head, LogProbsAndGradients_AgreeWithStoredLogitsAndTheDerivative) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  const size_t width = static_cast<size_t>(p.n.width), vocabulary = static_cast<size_t>(p.n.vocabulary), tokens = static_cast<size_t>(p.n.tokens);
  std::map<std::string, std::pair<std::vector<float>, std::vector<float>>> by_order;
  for (const std::string& isa : isa_names())
    for (const int threads : {1, 3}) {
      std::stringstream list(available_engines(select_isa(isa)));
      for (std::string engine; std::getline(list, engine, ',');) {
        Context c(isa, threads, engine);
        SCOPED_TRACE(isa + ", " + engine + ", " + std::to_string(threads) + " threads");
        const std::vector<float> out = p.forward(c), gradients = p.backward(c);
        const std::string order = testing::order_by_manual(engine) ? engine : he_context_bf16_variant(c);
        auto [found, fresh] = by_order.try_emplace(order, out, gradients);
        EXPECT_TRUE(same_bits(found->second.first, out));
        EXPECT_TRUE(same_bits(found->second.second, gradients));
        if (!fresh) continue;

        // Sampling reads stored logits: the same bits.
        const std::vector<float> logits = p.logits(c), temperatures(tokens, p.n.temperature);
        std::vector<float> stored(tokens);
        ASSERT_EQ(he_log_probs_from_logits(c, p.n.tokens, p.n.vocabulary, logits.data(), p.n.vocabulary, temperatures.data(), p.targets.data(), stored.data()), HE_OK);
        EXPECT_TRUE(same_bits(stored, std::vector<float>(out.begin(), out.begin() + p.n.tokens)));

        // The derivative at those logits, in double, and what rounding can do to each sum: a derivative and a hidden state may be off by a 128th each.
        std::vector<double> expected(gradients.size()), size(gradients.size());
        for (size_t t = 0; t < tokens; ++t) {
          const float* l = logits.data() + t * vocabulary;
          double sum = 0, mean = 0;
          for (size_t v = 0; v < vocabulary; ++v) sum += std::exp(double{l[v]} / p.n.temperature);
          for (size_t v = 0; v < vocabulary; ++v) mean += std::exp(double{l[v]} / p.n.temperature) / sum * l[v] / p.n.temperature;
          for (size_t v = 0; v < vocabulary; ++v) {
            const double z = double{l[v]} / p.n.temperature, q = std::exp(z) / sum;
            double d = p.d_lse[t] * q - p.d_entropy[t] * q * (z - mean);
            if (p.targets[t] >= 0) d += p.d_log_prob[t] * ((static_cast<size_t>(p.targets[t]) == v ? 1 : 0) - q);
            d /= p.n.temperature;
            if (p.n.soft_cap > 0) d *= 1 - double{l[v]} / p.n.soft_cap * l[v] / p.n.soft_cap;
            for (size_t k = 0; k < width; ++k) {
              const double x = p.hidden[t * width + k], weight = p.w[v * width + k];
              expected[t * width + k] += d * weight;
              size[t * width + k] += std::abs(d * weight);
              expected[(tokens + v) * width + k] += d * x;
              size[(tokens + v) * width + k] += std::abs(d * x);
            }
            expected[(tokens + vocabulary) * width + v] += d;
            size[(tokens + vocabulary) * width + v] += std::abs(d);
          }
        }
        for (size_t i = 0; i < expected.size(); ++i) {
          const double bound = (i < (tokens + vocabulary) * width ? 0x1p-6 : 1e-4) * size[i] + 1e-5;
          ASSERT_TRUE(std::abs(expected[i] - gradients[i]) <= bound) << "gradient " << i << ": expected " << expected[i] << ", found " << gradients[i];
        }
      }
    }
}

}  // namespace
}  // namespace he
