// The fused head against plain double loops over the whole [tokens, vocabulary] matrix, its gradient against the derivative written out, and the promises of
// docs/numerics.md.
#include <limits>

#include "tests/packed.h"
#include "tests/testing.h"

namespace he {
namespace {

using testing::Context;
using testing::isa_names;
using testing::near;
using testing::pack;
using testing::Random;
using testing::same_bits;
using testing::unpack;

struct Case {
  int64_t tokens, width, vocabulary;
  bool bias;
  float temperature, soft_cap;
};

// Vocabularies around tiles of 512 and vectors of 16; rows around tiles and blocks.
const Case kCases[] = {{1, 7, 3, false, 1.0f, 0.0f},     {5, 33, 511, true, 1.0f, 0.0f},    {13, 40, 512, false, 0.7f, 0.0f},
                       {30, 24, 1041, true, 1.3f, 5.0f}, {270, 20, 530, true, 1.0f, 0.0f}, {3, 300, 1601, false, 1.0f, 2.0f}};

struct Problem {
  Problem(const Case& c, Random& random)
      : n(c), hidden_stride(c.width + 2), hidden(random.normals(c.tokens * hidden_stride)), w(random.normals(c.vocabulary * c.width, 0.3f)),
        bias(random.normals(c.vocabulary)), d_log_prob(random.normals(c.tokens)), d_lse(random.normals(c.tokens)), d_entropy(random.normals(c.tokens)),
        d_w0(random.normals(c.vocabulary * c.width)), d_bias0(random.normals(c.vocabulary)) {
    for (int64_t t = 0; t < c.tokens; ++t) targets.push_back(t % 7 == 3 ? -1 : static_cast<int32_t>(random.integer(0, c.vocabulary - 1)));
  }
  const float* bias_or_null() const { return n.bias ? bias.data() : nullptr; }

  // log_prob, log_sum_exp, entropy, one after another.
  std::vector<float> forward(he_context* c, bool entropy = true) const {
    const size_t t = static_cast<size_t>(n.tokens);
    std::vector<float> out(3 * t, 9.0f);
    const std::vector<float> head = pack(c, w, n.vocabulary, n.width);
    EXPECT_EQ(he_log_probs(c, hidden.data(), hidden_stride, n.tokens, n.width, head.data(), n.vocabulary, bias_or_null(), targets.data(), n.temperature, n.soft_cap,
                           out.data(), out.data() + t, entropy ? out.data() + 2 * t : nullptr), HE_OK);
    return out;
  }

  // d_hidden [tokens, width], d_head (unpacked), d_bias, one after another.
  std::vector<float> backward(he_context* c) const {
    const size_t t = static_cast<size_t>(n.tokens);
    const std::vector<float> out = forward(c), head = pack(c, w, n.vocabulary, n.width);
    std::vector<float> d_hidden(t * static_cast<size_t>(n.width), 9.0f), d_head = pack(c, d_w0, n.vocabulary, n.width), d_bias = d_bias0;
    EXPECT_EQ(he_log_probs_backward(c, hidden.data(), hidden_stride, n.tokens, n.width, head.data(), n.vocabulary, bias_or_null(), targets.data(), n.temperature,
                                    n.soft_cap, out.data() + t, out.data() + 2 * t, d_log_prob.data(), d_lse.data(), d_entropy.data(), d_hidden.data(), n.width,
                                    d_head.data(), d_bias.data()), HE_OK);
    const std::vector<float> d_w = unpack(c, d_head, n.vocabulary, n.width);
    d_hidden.insert(d_hidden.end(), d_w.begin(), d_w.end());
    d_hidden.insert(d_hidden.end(), d_bias.begin(), d_bias.end());
    return d_hidden;
  }

  // Capped logits of one row.
  std::vector<double> logits(int64_t t) const {
    std::vector<double> l(static_cast<size_t>(n.vocabulary));
    for (int64_t v = 0; v < n.vocabulary; ++v) {
      double sum = n.bias ? bias[static_cast<size_t>(v)] : 0.0;
      for (int64_t k = 0; k < n.width; ++k) sum += product(t, v, k);
      l[static_cast<size_t>(v)] = n.soft_cap > 0 ? n.soft_cap * std::tanh(sum / n.soft_cap) : sum;
    }
    return l;
  }

  // How far a float32 logit may be from its double: the bound of docs/numerics.md for linear products (the soft-cap's slope is at most 1).
  double logit_error(int64_t t, int64_t v) const {
    double size = 0;
    for (int64_t k = 0; k < n.width; ++k) size += std::abs(product(t, v, k));
    return 0x1p-22 * std::sqrt(static_cast<double>(n.width)) * size + 1e-6;
  }

  double product(int64_t t, int64_t v, int64_t k) const {
    return double{hidden[static_cast<size_t>(t * hidden_stride + k)]} * w[static_cast<size_t>(v * n.width + k)];
  }

  Case n;
  int64_t hidden_stride;
  std::vector<float> hidden, w, bias, d_log_prob, d_lse, d_entropy, d_w0, d_bias0;
  std::vector<int32_t> targets;
};

constexpr double kRounding = 0x1p-23;  // two roundings to nearest
// Of a sum of exponentials, relative: 2 units in the last place for each, and the additions of a lane and of the tiles that a vocabulary of a few thousand has.
constexpr double kSumError = 0x1p-20;

class Head : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Cases, Head, ::testing::ValuesIn(kCases), [](const auto& p) {
  return std::to_string(p.param.tokens) + "x" + std::to_string(p.param.width) + "x" + std::to_string(p.param.vocabulary);
});

// Each value with a bound of its own: the logits' errors, weighted by what they change, and the roundings of the sums. A peaked row's entropy is a small difference
// of numbers as large as its logits, so no multiple of the entropy bounds it.
TEST_P(Head, LogProbs_AgreeWithDoubleSums) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  const size_t tokens = static_cast<size_t>(p.n.tokens);
  std::vector<double> expected(3 * tokens), bound(3 * tokens);
  for (size_t t = 0; t < tokens; ++t) {
    double sum = 0, mean = 0, size = 0, lse_error = 0, entropy_error = 0;
    const int64_t row = static_cast<int64_t>(t);
    std::vector<double> z = p.logits(row), error(z.size());
    for (size_t v = 0; v < z.size(); ++v) {
      z[v] /= p.n.temperature;
      error[v] = p.logit_error(row, static_cast<int64_t>(v)) / p.n.temperature + kRounding * std::abs(z[v]);
      sum += std::exp(z[v]);
    }
    for (const double v : z) {
      mean += std::exp(v) / sum * v;
      size += std::exp(v) / sum * std::abs(v);
    }
    for (size_t v = 0; v < z.size(); ++v) {  // the derivatives of log-sum-exp and entropy
      lse_error += std::exp(z[v]) / sum * error[v];
      entropy_error += std::exp(z[v]) / sum * std::abs(z[v] - mean) * error[v];
    }
    const double lse = std::log(sum);
    lse_error += kSumError + kRounding * std::abs(lse);
    entropy_error += kSumError * (1 + size) + kRounding * (std::abs(lse) + size);
    if (const int32_t target = p.targets[t]; target >= 0) {
      expected[t] = z[static_cast<size_t>(target)] - lse;
      bound[t] = error[static_cast<size_t>(target)] + lse_error + kRounding * std::abs(expected[t]);
    }
    expected[tokens + t] = lse;
    bound[tokens + t] = lse_error;
    expected[2 * tokens + t] = lse - mean;
    bound[2 * tokens + t] = entropy_error;
  }
  for (const std::string& isa : isa_names()) {
    Context c(isa, 2);
    const std::vector<float> found = p.forward(c);
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_TRUE(std::abs(found[i] - expected[i]) <= bound[i]) << isa << ": element " << i << " of 3 x " << tokens << ": expected " << expected[i] << ", found "
                                                                << found[i] << ", bound " << bound[i];
  }
}

TEST_P(Head, Backward_AgreesWithTheDerivative) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  const size_t width = static_cast<size_t>(p.n.width);
  std::vector<double> d_hidden(static_cast<size_t>(p.n.tokens) * width), d_w(p.d_w0.begin(), p.d_w0.end()), d_bias(p.d_bias0.begin(), p.d_bias0.end());
  for (int64_t t = 0; t < p.n.tokens; ++t) {
    const std::vector<double> l = p.logits(t);
    const size_t row = static_cast<size_t>(t);
    double sum = 0, mean = 0;
    for (const double v : l) sum += std::exp(v / p.n.temperature);
    for (const double v : l) mean += std::exp(v / p.n.temperature) / sum * v / p.n.temperature;
    for (size_t v = 0; v < l.size(); ++v) {
      const double q = std::exp(l[v] / p.n.temperature) / sum;
      const bool target = p.targets[row] == static_cast<int32_t>(v);
      double d = (p.targets[row] < 0 ? 0.0 : p.d_log_prob[row] * (target - q)) + p.d_lse[row] * q - p.d_entropy[row] * q * (l[v] / p.n.temperature - mean);
      d /= p.n.temperature;
      if (p.n.soft_cap > 0) d *= 1 - l[v] * l[v] / (double{p.n.soft_cap} * p.n.soft_cap);
      d_bias[v] += d;
      for (size_t k = 0; k < width; ++k) {
        d_hidden[row * width + k] += d * p.w[v * width + k];
        d_w[v * width + k] += d * p.hidden[row * static_cast<size_t>(p.hidden_stride) + k];
      }
    }
  }
  d_hidden.insert(d_hidden.end(), d_w.begin(), d_w.end());
  d_hidden.insert(d_hidden.end(), d_bias.begin(), d_bias.end());
  for (const std::string& isa : isa_names()) {
    Context c(isa, 2);
    EXPECT_TRUE(near(d_hidden, p.backward(c), 1e-5, 4e-5)) << isa;
  }
}

TEST_P(Head, EveryIsaAndThreadCount_GivesTheBitsOfScalar) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  Context scalar("scalar");
  const std::vector<float> forward = p.forward(scalar), backward = p.backward(scalar);
  for (const std::string& isa : isa_names())
    for (const int threads : {1, 2, 5}) {
      Context c(isa, threads);
      EXPECT_TRUE(same_bits(forward, p.forward(c))) << isa << ", " << threads << " threads";
      EXPECT_TRUE(same_bits(backward, p.backward(c))) << isa << ", " << threads << " threads";
    }
}

TEST_P(Head, LogProbs_OneRowAlone_HasTheBitsOfTheBatch) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  Context c(isa_names().front(), 2);
  const std::vector<float> all = p.forward(c), without_entropy = p.forward(c, false);
  const size_t tokens = static_cast<size_t>(p.n.tokens);
  for (size_t i = 0; i < 2 * tokens; ++i) EXPECT_EQ(all[i], without_entropy[i]);
  const std::vector<float> head = pack(c, p.w, p.n.vocabulary, p.n.width);
  for (size_t t = 0; t < tokens; t += 11) {
    float log_prob = 9, lse = 9;
    ASSERT_EQ(he_log_probs(c, p.hidden.data() + t * static_cast<size_t>(p.hidden_stride), p.hidden_stride, 1, p.n.width, head.data(), p.n.vocabulary,
                           p.bias_or_null(), &p.targets[t], p.n.temperature, p.n.soft_cap, &log_prob, &lse, nullptr), HE_OK);
    EXPECT_EQ(log_prob, all[t]);
    EXPECT_EQ(lse, all[tokens + t]);
  }
}

TEST_P(Head, Logits_AgreeWithDoubleSums) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  std::vector<double> expected;
  for (int64_t t = 0; t < p.n.tokens; ++t)
    for (const double l : p.logits(t)) expected.push_back(l);
  for (const std::string& isa : isa_names()) {
    Context c(isa, 2);
    const std::vector<float> head = pack(c, p.w, p.n.vocabulary, p.n.width);
    std::vector<float> y(expected.size());
    ASSERT_EQ(he_logits(c, p.hidden.data(), p.hidden_stride, p.n.tokens, p.n.width, head.data(), p.n.vocabulary, p.bias_or_null(), p.n.soft_cap, y.data(),
                        p.n.vocabulary), HE_OK);
    EXPECT_TRUE(near(expected, y, 1e-5, 1e-5)) << isa;
  }
}

// More rows than one tree of weight gradients spans (4096), so that blocks follow one another.
TEST(HeadEdges, Backward_ManyRows_AddsBlocks) {
  Random random;
  SCOPED_TRACE(random.seed());
  Problem p({4100, 4, 5, false, 1.0f, 0.0f}, random);
  Context c(isa_names().front(), 2);
  const std::vector<float> whole = p.backward(c);
  double expected = p.d_bias0[2];
  for (int64_t t = 0; t < p.n.tokens; ++t) {
    std::vector<double> l = p.logits(t);
    const size_t row = static_cast<size_t>(t);
    double sum = 0, mean = 0;
    for (const double v : l) sum += std::exp(v);
    for (const double v : l) mean += std::exp(v) / sum * v;
    const double q = std::exp(l[2]) / sum;
    expected += (p.targets[row] < 0 ? 0.0 : p.d_log_prob[row] * ((p.targets[row] == 2) - q)) + p.d_lse[row] * q - p.d_entropy[row] * q * (l[2] - mean);
  }
  EXPECT_NEAR(whole[whole.size() - 3], expected, 1e-3);
}

TEST(HeadEdges, NanAndInfiniteLogits_StayInTheirRow) {
  Random random;
  Problem p({4, 16, 700, true, 1.0f, 0.0f}, random);
  p.bias[600] = -std::numeric_limits<float>::infinity();  // an impossible token
  for (const std::string& isa : isa_names()) {
    Context c(isa, 1);
    const std::vector<float> clean = p.forward(c);
    for (const float v : clean) EXPECT_TRUE(std::isfinite(v));
    Problem broken = p;
    broken.hidden[static_cast<size_t>(broken.hidden_stride)] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> out = broken.forward(c);
    for (size_t i = 0; i < out.size(); ++i) {
      if (i % 4 == 1) {
        EXPECT_TRUE(std::isnan(out[i])) << i;
      } else {
        EXPECT_EQ(out[i], clean[i]) << i;
      }
    }
  }
}

}  // namespace
}  // namespace he
