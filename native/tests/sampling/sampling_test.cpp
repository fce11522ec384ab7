#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "tests/testing.h"

namespace he {
namespace {

using namespace he::testing;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Parameters of a batch of rows.
struct Parameters {
  std::vector<he_sampling_row> rows;
  std::vector<int32_t> history, rule_tokens, masks;
  std::vector<he_token_rule> rules;
  int64_t history_width = 0, mask_width = 0;

  explicit Parameters(int64_t count) : rows(count) {
    for (int64_t r = 0; r < count; ++r) {
      rows[r].top_p = 1;
      rows[r].repetition_penalty = rows[r].temperature = rows[r].typical_p = 1;
      rows[r].seed = 1234;
      rows[r].mask = -1;
      rows[r].position = static_cast<int32_t>(r);
    }
  }
};

struct Draws {
  std::vector<int32_t> ids;
  std::vector<float> log_prob, sampled;
};

Draws sample(he_context* ctx, int64_t rows, int64_t vocabulary, const std::vector<float>& logits, const Parameters& p) {
  Draws d{std::vector<int32_t>(rows, -1), std::vector<float>(rows, NAN), std::vector<float>(rows, NAN)};
  EXPECT_EQ(he_sample(ctx, rows, vocabulary, logits.data(), vocabulary, p.rows.data(), p.history.empty() ? nullptr : p.history.data(),
                      p.history_width, p.history_width, p.rules.data(), static_cast<int64_t>(p.rules.size()), p.rule_tokens.data(),
                      static_cast<int64_t>(p.rule_tokens.size()), p.masks.empty() ? nullptr : p.masks.data(),
                      p.mask_width == 0 ? 0 : static_cast<int64_t>(p.masks.size()) / p.mask_width, p.mask_width, d.ids.data(),
                      d.log_prob.data(), d.sampled.data()),
            HE_OK)
      << he_last_error();
  return d;
}

double uniform(const Parameters& p, int64_t r) {
  const uint32_t key[] = {static_cast<uint32_t>(p.rows[r].seed), static_cast<uint32_t>(p.rows[r].seed >> 32)};
  const uint32_t counter[] = {static_cast<uint32_t>(p.rows[r].position), static_cast<uint32_t>(p.rows[r].choice),
                              static_cast<uint32_t>(p.rows[r].request), static_cast<uint32_t>(p.rows[r].request >> 32)};
  uint32_t out[4];
  select_isa("scalar").kernels.sampling.philox(counter, key, out);
  return (out[0] >> 8) / 16777216.0;
}

// The definition, with sorting and in double: token and its log-probability in the distribution that is drawn from.
std::pair<int32_t, double> plain_sample(const float* logits, int64_t n, const Parameters& p, int64_t r) {
  std::vector<double> z(logits, logits + n);
  if (!p.history.empty() && p.rows[r].repetition_penalty != 1) {
    const std::set<int32_t> seen(&p.history[r * p.history_width], &p.history[r * p.history_width] + p.rows[r].history_length);
    for (const int32_t t : seen)
      z[t] = static_cast<float>(z[t] > 0 ? logits[t] / p.rows[r].repetition_penalty : logits[t] * p.rows[r].repetition_penalty);
  }
  if (p.rows[r].temperature == 0) return {static_cast<int32_t>(std::max_element(z.begin(), z.end()) - z.begin()), 0};
  for (double& v : z) v = static_cast<float>(v) * (1 / p.rows[r].temperature);
  std::vector<int32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return z[a] > z[b]; });
  const double top = z[order[0]];
  if (p.rows[r].top_k > 0 && p.rows[r].top_k < n) {
    const double least = z[order[p.rows[r].top_k - 1]];
    while (z[order.back()] < least) order.pop_back();
  }
  double total = 0, sum = 0;
  for (const int32_t t : order) total += std::exp(z[t] - top);
  if (p.rows[r].top_p < 1) {
    size_t keep = 0;
    while (keep < order.size() && (keep == 0 || sum < p.rows[r].top_p * total)) sum += std::exp(z[order[keep++]] - top);
    order.resize(keep);
  }
  while (std::exp(z[order.back()] - top) < p.rows[r].min_p) order.pop_back();
  std::sort(order.begin(), order.end());
  total = sum = 0;
  for (const int32_t t : order) total += std::exp(z[t] - top);
  for (const int32_t t : order) {
    sum += std::exp(z[t] - top);
    if (sum > uniform(p, r) * total) return {t, z[t] - top - std::log(total)};
  }
  return {order.back(), z[order.back()] - top - std::log(total)};
}

TEST(Philox, KnownAnswers) {
  // From the authors' Random123 distribution, kat_vectors.
  const uint32_t cases[][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
  for (const std::string& isa : isa_names())
    for (const auto& c : cases) {
      uint32_t out[4];
      select_isa(isa).kernels.sampling.philox(c, c + 4, out);
      for (int i = 0; i < 4; ++i) EXPECT_EQ(out[i], c[6 + i]) << isa;
    }
}

TEST(Sample, EveryFilter_DrawsWhatTheDefinitionDraws) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const int64_t n : {1, 2, 31, 513, 5000}) {
    const int64_t rows = 60;
    std::vector<float> logits = random.normals(rows * n, 3);
    for (int64_t i = 0; i < rows * n; i += 3) logits[i] = std::round(logits[i]);  // ties
    Parameters p(rows);
    p.history_width = 20;
    p.history.resize(rows * p.history_width);
    for (int64_t r = 0; r < rows; ++r) {
      p.rows[r].temperature = r % 7 == 0 ? 0.0f : r % 3 == 0 ? 1.0f : 0.3f + static_cast<float>(random.uniform());
      if (r % 2 == 0) p.rows[r].top_k = static_cast<int32_t>(random.integer(1, std::min<int64_t>(n, 60)));
      if (r % 5 < 3) p.rows[r].top_p = static_cast<float>(random.uniform()) * 0.99f + 0.001f;
      if (r % 4 == 1) p.rows[r].min_p = static_cast<float>(random.uniform()) * 0.3f;
      if (r % 3 == 1) p.rows[r].repetition_penalty = 0.7f + static_cast<float>(random.uniform());
      p.rows[r].seed = random.integer(INT64_MIN, INT64_MAX);
      p.rows[r].request = random.integer(0, INT64_MAX);
      p.rows[r].choice = static_cast<int32_t>(random.integer(0, 7));
      p.rows[r].history_length = static_cast<int32_t>(random.integer(0, p.history_width));
      for (int64_t i = 0; i < p.history_width; ++i) p.history[r * p.history_width + i] = static_cast<int32_t>(random.integer(0, n - 1));
    }
    Context ctx;
    const Draws d = sample(ctx, rows, n, logits, p);
    for (int64_t r = 0; r < rows; ++r) {
      const auto [id, log_prob] = plain_sample(&logits[r * n], n, p, r);
      EXPECT_EQ(d.ids[r], id) << "row " << r << " of " << n << ": k " << p.rows[r].top_k << ", p " << p.rows[r].top_p << ", min p "
                              << p.rows[r].min_p;
      EXPECT_NEAR(d.sampled[r], log_prob, 2e-6) << "row " << r;
      double sum = 0;
      const double scale = p.rows[r].temperature == 0 ? 1 : 1 / p.rows[r].temperature;
      for (int64_t v = 0; v < n; ++v) sum += std::exp(logits[r * n + v] * scale);
      EXPECT_NEAR(d.log_prob[r], logits[r * n + d.ids[r]] * scale - std::log(sum), 1e-5) << "row " << r;
    }
    // The same bits on every instruction set, and alone.
    for (const std::string& isa : isa_names()) {
      Context other(isa, 3);
      const Draws e = sample(other, rows, n, logits, p);
      EXPECT_TRUE(same_bits(d.ids, e.ids) && same_bits(d.log_prob, e.log_prob) && same_bits(d.sampled, e.sampled)) << isa;
    }
    std::vector<float> log_prob(rows);
    std::vector<float> temperature(rows);
    for (int64_t r = 0; r < rows; ++r) temperature[r] = p.rows[r].temperature;
    ASSERT_EQ(he_log_probs_from_logits(ctx, rows, n, logits.data(), n, temperature.data(), d.ids.data(), log_prob.data()), HE_OK);
    EXPECT_TRUE(same_bits(d.log_prob, log_prob));
  }
}

TEST(Sample, ManyDraws_FollowTheDistribution) {
  const int64_t rows = 40000, n = 6;
  const std::vector<float> row = {0.5f, 1.5f, -1.0f, 0.0f, 1.0f, -kInfinity};
  std::vector<float> logits;
  for (int64_t r = 0; r < rows; ++r) logits.insert(logits.end(), row.begin(), row.end());
  Random random;
  SCOPED_TRACE(random.seed());
  Parameters p(rows);
  const int64_t seed = random.integer(INT64_MIN, INT64_MAX);
  for (he_sampling_row& row : p.rows) {
    row.seed = seed;
    row.temperature = 0.8f;
  }
  Context ctx;
  const Draws d = sample(ctx, rows, n, logits, p);
  double total = 0, chi = 0;
  for (const float x : row) total += std::exp(x / 0.8);
  for (int32_t v = 0; v < 5; ++v) {
    const double expected = rows * std::exp(row[v] / 0.8) / total;
    const double found = static_cast<double>(std::count(d.ids.begin(), d.ids.end(), v));
    chi += (found - expected) * (found - expected) / expected;
  }
  EXPECT_LT(chi, 33.4);  // 4 degrees of freedom, one false alarm in a million
  EXPECT_EQ(std::count(d.ids.begin(), d.ids.end(), 5), 0);
}

// Everything on at once, every row another way: the same bits on every instruction set, and nothing read or written out of place
// (under the sanitizers).
TEST(Sample, EveryParameter_SameBitsOnEveryInstructionSet) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const int64_t n : {1, 33, 700}) {
    const int64_t rows = 64;
    const std::vector<float> logits = random.normals(rows * n, 3);
    Parameters p(rows);
    p.history_width = 24;
    p.mask_width = (n + 31) / 32;
    for (int64_t i = 0; i < rows * p.history_width; ++i)
      p.history.push_back(static_cast<int32_t>(random.integer(-1, std::min<int64_t>(n, 5))));
    for (int64_t i = 0; i < 4 * p.mask_width; ++i) p.masks.push_back(static_cast<int32_t>(random.integer(INT32_MIN, INT32_MAX)));
    for (int64_t i = 0; i < 40; ++i) p.rule_tokens.push_back(static_cast<int32_t>(random.integer(0, std::min<int64_t>(n, 5))));
    const float biases[] = {1.5f, -2.0f, -kInfinity, kInfinity, 0.0f};
    for (int32_t i = 0; i < 20; ++i)
      p.rules.push_back(
          {2 * i, 1 + i % 2, 0, i % 3 == 0 ? 30 : INT32_MAX, biases[random.integer(0, i % 4 == 0 ? 4 : 2)], i % 5 == 0 ? 1.1f : 1.0f});
    for (int64_t r = 0; r < rows; ++r) {
      he_sampling_row& row = p.rows[r];
      const auto sometimes = [&](double value, double off) { return static_cast<float>(random.integer(0, 2) == 0 ? off : value); };
      row.history_length = static_cast<int32_t>(random.integer(0, p.history_width));
      row.mask = static_cast<int32_t>(random.integer(-1, 3));
      row.rules_start = static_cast<int32_t>(random.integer(0, 19));
      row.rules_count = static_cast<int32_t>(random.integer(0, 20 - row.rules_start));
      row.repetition_penalty = sometimes(0.5 + random.uniform(), 1);
      row.frequency_penalty = sometimes(random.uniform() - 0.5, 0);
      row.presence_penalty = sometimes(random.uniform() - 0.5, 0);
      row.repetition_start = static_cast<int32_t>(random.integer(0, 30));
      row.count_start = static_cast<int32_t>(random.integer(0, 30));
      row.penalty_window = static_cast<int32_t>(random.integer(0, 30));
      row.no_repeat_ngram = static_cast<int32_t>(random.integer(0, 4));
      row.temperature = sometimes(0.2 + random.uniform(), r % 5 == 0 ? 0 : 1);
      row.top_k = static_cast<int32_t>(random.integer(0, 50));
      row.top_n_sigma = sometimes(2 * random.uniform(), 0);
      row.top_p = sometimes(0.01 + 0.99 * random.uniform(), 1);
      row.min_p = sometimes(0.2 * random.uniform(), 0);
      row.typical_p = sometimes(0.01 + 0.98 * random.uniform(), 1);
      row.epsilon_cutoff = sometimes(0.1 * random.uniform(), 0);
      row.eta_cutoff = sometimes(0.1 * random.uniform(), 0);
    }
    Draws first;
    for (const std::string& isa : isa_names()) {
      Context ctx(isa, 3);
      const Draws d = sample(ctx, rows, n, logits, p);
      std::vector<float> processed(rows * n);
      ASSERT_EQ(he_process_logits(ctx, rows, n, logits.data(), n, p.rows.data(), p.history.data(), p.history_width, p.history_width,
                                  p.rules.data(), 20, p.rule_tokens.data(), 40, p.masks.data(), 4, p.mask_width, processed.data(), n),
                HE_OK);
      for (int64_t r = 0; r < rows; ++r) {
        const float* z = &processed[r * n];
        if (d.ids[r] < 0) {
          EXPECT_EQ(*std::max_element(z, z + n), -kInfinity) << isa << ", row " << r;
        } else {
          EXPECT_GT(z[d.ids[r]], -kInfinity) << isa << ", row " << r;
        }
      }
      if (first.ids.empty()) first = d;
      EXPECT_TRUE(same_bits(d.ids, first.ids) && same_bits(d.log_prob, first.log_prob) && same_bits(d.sampled, first.sampled)) << isa;
    }
  }
}

// A row without changes is drawn by the sums of its log-probability where they decide, one with a mask (of everything: it changes nothing) by float64 sums.
TEST(Sample, ShortCutAndFloat64Sums_DrawTheSameTokens) {
  Random random;
  for (const std::string& isa : isa_names()) {
    he_context* ctx = nullptr;
    ASSERT_EQ(he_context_create(isa.c_str(), nullptr, 2, &ctx), HE_OK);
    for (const float amplitude : {0.01f, 3.0f, 30.0f})
      for (const int64_t vocabulary : {5, 511, 4103}) {
        const int64_t rows = 64;
        const std::vector<float> logits = random.normals(rows * vocabulary, amplitude);
        Parameters plain(rows), masked(rows);
        plain.rows[1].temperature = masked.rows[1].temperature = 0.3f;
        masked.mask_width = (vocabulary + 31) / 32;
        masked.masks.assign(masked.mask_width, -1);
        for (he_sampling_row& row : masked.rows) row.mask = 0;
        const Draws a = sample(ctx, rows, vocabulary, logits, plain), b = sample(ctx, rows, vocabulary, logits, masked);
        EXPECT_EQ(a.ids, b.ids) << isa << ' ' << vocabulary << ' ' << amplitude << ' ' << random.seed();
        EXPECT_EQ(a.log_prob, b.log_prob) << isa << ' ' << vocabulary;
        EXPECT_EQ(a.log_prob, a.sampled) << "nothing is changed: the model's own distribution";
      }
    he_context_destroy(ctx);
  }
}

TEST(LogSoftmax, AnyRow_SameBitsAsSingleTokens) {
  Random random;
  SCOPED_TRACE(random.seed());
  const int64_t rows = 3, n = 1030;
  const std::vector<float> logits = random.normals(rows * n, 2);
  const std::vector<float> temperature = {1, 0.7f, 0};
  std::vector<float> all(rows * n);
  Context ctx;
  ASSERT_EQ(he_log_softmax(ctx, rows, n, logits.data(), n, temperature.data(), all.data(), n), HE_OK);
  for (int32_t v = 0; v < n; v += 13) {
    const std::vector<int32_t> targets(rows, v);
    std::vector<float> one(rows);
    ASSERT_EQ(he_log_probs_from_logits(ctx, rows, n, logits.data(), n, temperature.data(), targets.data(), one.data()), HE_OK);
    for (int64_t r = 0; r < rows; ++r) EXPECT_EQ(one[r], all[r * n + v]);
  }
}

TEST(Sample, InfinitiesAndNan_GiveAValidToken) {
  const std::vector<float> logits = {0, -kInfinity, 2, 1, -kInfinity, -kInfinity, -kInfinity, 3, 0, NAN, 5, 1, -1, kInfinity, 0, 2};
  Context ctx;
  for (const float temperature : {0.0f, 0.7f})
    for (const float top_p : {1.0f, 0.9f}) {
      Parameters p(4);
      for (he_sampling_row& row : p.rows) {
        row.temperature = temperature;
        row.top_p = top_p;
      }
      const Draws d = sample(ctx, 4, 4, logits, p);
      EXPECT_NE(d.ids[0], 1);
      EXPECT_EQ(d.ids[1], 3);
      EXPECT_EQ(d.log_prob[1], 0);
      EXPECT_TRUE(d.ids[2] >= 0 && d.ids[2] < 4);
      EXPECT_TRUE(std::isnan(d.log_prob[2]));
      EXPECT_EQ(d.ids[3], 1);
    }
}

TEST(TopLogProbs, WithTies_AreInOrder) {
  Random random;
  SCOPED_TRACE(random.seed());
  const int64_t rows = 5, n = 1030;
  std::vector<float> logits = random.normals(rows * n, 2);
  for (float& x : logits) x = std::round(4 * x) / 4;  // many ties, zeros of both signs among them
  const std::vector<float> temperature = {1, 0, 0.5f, 2, 1};
  for (const int64_t k : {1, 5, 100, 1030}) {
    std::vector<int32_t> ids(rows * k);
    std::vector<float> found(rows * k);
    Context ctx;
    ASSERT_EQ(he_top_log_probs(ctx, rows, n, logits.data(), n, temperature.data(), k, ids.data(), k, found.data(), k), HE_OK);
    for (int64_t r = 0; r < rows; ++r) {
      std::vector<int32_t> order(n);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return logits[r * n + a] > logits[r * n + b]; });
      order.resize(k);
      EXPECT_TRUE(same_bits(order, std::vector<int32_t>(&ids[r * k], &ids[r * k] + k))) << "k " << k << ", row " << r;
      std::vector<float> expected(k);
      for (int64_t i = 0; i < k; ++i)
        ASSERT_EQ(he_log_probs_from_logits(ctx, 1, n, &logits[r * n], n, &temperature[r], &ids[r * k + i], &expected[i]), HE_OK);
      EXPECT_TRUE(same_bits(expected, std::vector<float>(&found[r * k], &found[r * k] + k)));
    }
  }
}

TEST(Sample, WrongArguments_AreRefused) {
  Context ctx;
  const auto refused = [&](auto change) {
    Parameters p(1);
    p.history = {1, 2};
    p.history_width = 2;
    p.rules = {{0, 1, 0, 9, 1, 1}};
    p.rule_tokens = {1};
    p.masks = {7};
    change(p);
    int32_t id;
    float log_prob;
    const float logits[3] = {};
    return he_sample(ctx, 1, 3, logits, 3, p.rows.data(), p.history.data(), 2, 2, p.rules.data(), 1, p.rule_tokens.data(), 1,
                     p.masks.data(), 1, 1, &id, &log_prob, nullptr) == HE_INVALID_ARGUMENT;
  };
  EXPECT_FALSE(refused([](Parameters&) {}));
  EXPECT_TRUE(refused([](Parameters& p) { p.rows[0].history_length = 3; }));
  EXPECT_TRUE(refused([](Parameters& p) { p.rows[0].history_length = -1; }));
  EXPECT_TRUE(refused([](Parameters& p) { p.rows[0].mask = 1; }));
  EXPECT_TRUE(refused([](Parameters& p) { p.rows[0].rules_count = 2; }));
  EXPECT_TRUE(refused([](Parameters& p) { p.rows[0].rules_start = -1; }));
  EXPECT_TRUE(refused([](Parameters& p) { p.rows[0].no_repeat_ngram = -1; }));
  EXPECT_TRUE(refused([](Parameters& p) { p.rules[0].tokens_count = 2; }));
  EXPECT_TRUE(refused([](Parameters& p) { p.rules[0].tokens_count = 0; }));
  const float x = 0;
  float y = 0;
  const int32_t target = 1;
  EXPECT_EQ(he_log_probs_from_logits(ctx, 1, 1, &x, 1, &x, &target, &y), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_log_probs_from_logits(ctx, 1, 0, &x, 1, &x, &target, &y), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_top_log_probs(ctx, 1, 1, &x, 1, &x, 2, nullptr, 2, &y, 2), HE_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace he
