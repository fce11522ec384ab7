// Drawing on the device against plain loops in float64 that sort: every adjustment and filter, the draw itself, log-probabilities. A case whose threshold a rounding could move is left out.
#include "cuda/sampling/sampling.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "cuda/head/head.h"
#include "cuda/sampling/philox.h"
#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

struct Row {  // he_sampling_row
  int64_t seed = 1, request = 2;
  double top_p = 1;
  int32_t choice = 0, position = 0, history_length = 0, mask = -1, rules_start = 0, rules_count = 0;
  float repetition_penalty = 1, frequency_penalty = 0, presence_penalty = 0;
  int32_t repetition_start = 0, count_start = 0, penalty_window = 0, no_repeat_ngram = 0;
  float temperature = 1;
  int32_t top_k = 0;
  float top_n_sigma = 0, min_p = 0, typical_p = 1, epsilon_cutoff = 0, eta_cutoff = 0;
};
static_assert(sizeof(Row) == 4 * cuda::kSamplingRowWords);

struct Rule {  // he_token_rule
  int32_t tokens_start, tokens_count, first, end;
  float bias, growth;
};
static_assert(sizeof(Rule) == 4 * cuda::kTokenRuleWords);

template <class T>
std::vector<unsigned> words(const std::vector<T>& x) {
  std::vector<unsigned> w(x.size() * sizeof(T) / 4);
  if (!w.empty()) std::memcpy(w.data(), x.data(), w.size() * 4);
  return w;
}

struct Batch {
  int vocabulary;
  std::vector<Row> rows;
  std::vector<float> logits;
  std::vector<int> history;  // of every row, `width` tokens
  int width = 0;
  std::vector<Rule> rules;
  std::vector<int> rule_tokens;
  std::vector<unsigned> masks;
};

struct Output {
  std::vector<int> ids;
  std::vector<float> log_prob, sampled, processed;
};

Output run(const Batch& b, const Options& options = {}) {
  const unsigned rows = static_cast<unsigned>(b.rows.size());
  const size_t n = b.rows.size() * static_cast<size_t>(b.vocabulary);
  const int tiles = cuda::vocabulary_tiles(b.vocabulary);
  const DeviceArray<float> logits(b.logits), z(n), w(n), partial(rows * static_cast<size_t>(tiles) * 4), log_prob(rows), sampled(rows), processed(n), temperature(rows);
  const DeviceArray<unsigned> row_words(words(b.rows)), rules(words(b.rules)), masks(b.masks);
  const DeviceArray<int> history(b.history), rule_tokens(b.rule_tokens), ids(rows);
  emulator::launch("sampling_temperatures", cuda::sampling_temperatures, {(rows + cuda::kSamplingThreads - 1) / cuda::kSamplingThreads}, cuda::kSamplingThreads, 0,
                   cuda::RowTemperaturesArguments{in(row_words), out(temperature), static_cast<int>(rows)}, options);
  emulator::launch("head_tiles", cuda::head_tiles, {rows, static_cast<unsigned>((tiles + 3) / 4)}, cuda::kHeadThreads, 0,
                   cuda::HeadTilesArguments{in(logits), in(temperature), {}, out(partial), {}, b.vocabulary, b.vocabulary, 0, tiles, 1, 0}, options);
  cuda::SamplingArguments a{};
  a.logits = in(logits), a.rows = in(row_words), a.z = out(z), a.weights = out(w), a.partial = in(partial), a.ids = out(ids), a.log_prob = out(log_prob), a.sampled_log_prob = out(sampled);
  a.stride = a.processed_stride = b.vocabulary, a.history_stride = b.width, a.mask_stride = (b.vocabulary + 31) / 32, a.vocabulary = b.vocabulary;
  if (b.width) a.history = in(history);
  if (!b.rules.empty()) a.rules = in(rules), a.rule_tokens = in(rule_tokens);
  if (!b.masks.empty()) a.masks = in(masks);
  a.processed = out(processed);
  emulator::launch("sampling_draw", cuda::sampling_draw, {rows}, cuda::kSamplingThreads, cuda::kSamplingShared, a, options);
  emulator::launch("sampling_process", cuda::sampling_process, {rows}, cuda::kSamplingThreads, cuda::kSamplingShared, a, options);
  return {ids.values(), log_prob.values(), sampled.values(), processed.values()};
}

// One row in float64, step by step.
class Plain {
 public:
  Plain(const Batch& b, size_t row) : batch_(b), row_(b.rows[row]), history_(b.history.begin() + static_cast<int64_t>(row) * b.width, b.history.begin() + static_cast<int64_t>(row) * b.width + row_.history_length) {
    for (int v = 0; v < b.vocabulary; ++v) z_.push_back(b.logits[row * static_cast<size_t>(b.vocabulary) + static_cast<size_t>(v)]);
    adjust();
    for (double& z : z_) z /= row_.temperature;
    top_ = *std::max_element(z_.begin(), z_.end());
    for (const double z : z_) w_.push_back(std::exp(z - top_));
    filter();
  }
  const std::vector<double>& z() const { return z_; }
  const std::vector<double>& w() const { return w_; }
  double total() const { return std::accumulate(w_.begin(), w_.end(), 0.0); }
  bool fragile() const { return fragile_; }

 private:
  bool allowed(size_t v) const { return row_.mask < 0 || (batch_.masks[v / 32] >> (v % 32) & 1); }

  std::vector<int> tail(int start) const {
    if (row_.penalty_window > 0) start = std::max(start, row_.history_length - row_.penalty_window);
    return start < row_.history_length ? std::vector<int>(history_.begin() + start, history_.end()) : std::vector<int>();
  }

  template <class F>
  void for_rules(F f) {
    for (const Rule& r : batch_.rules) {
      const auto first = batch_.rule_tokens.begin() + r.tokens_start, last = first + r.tokens_count - 1;
      if (row_.position < r.first || row_.position >= r.end || static_cast<int>(history_.size()) < r.tokens_count - 1) continue;
      if (std::equal(first, last, history_.end() - (r.tokens_count - 1))) f(z_[static_cast<size_t>(*last)], *last, r);
    }
  }

  void adjust() {
    for (size_t v = 0; v < z_.size(); ++v)
      if (!allowed(v)) z_[v] = -INFINITY;
    for_rules([](double& z, int, const Rule& r) { if (std::isfinite(r.bias)) z += r.bias; });
    const std::vector<int> repeated = tail(row_.repetition_start), counted = tail(row_.count_start);
    for (const int v : std::set<int>(repeated.begin(), repeated.end())) {
      double& z = z_[static_cast<size_t>(v)];
      z = z > 0 ? z / row_.repetition_penalty : z * row_.repetition_penalty;
    }
    for (const int v : std::set<int>(counted.begin(), counted.end()))
      if (row_.frequency_penalty != 0 || row_.presence_penalty != 0)
        z_[static_cast<size_t>(v)] -= static_cast<double>(std::count(counted.begin(), counted.end(), v)) * row_.frequency_penalty + row_.presence_penalty;
    const int size = row_.no_repeat_ngram;
    for (int i = 0; size > 0 && i + size <= row_.history_length; ++i)
      if (std::equal(history_.begin() + i, history_.begin() + i + size - 1, history_.end() - (size - 1))) z_[static_cast<size_t>(history_[static_cast<size_t>(i + size - 1)])] = -INFINITY;
    for_rules([](double& z, int, const Rule& r) { if (r.bias == -INFINITY) z = -INFINITY; });
    bool forced = false;
    for_rules([&](double&, int, const Rule& r) { forced |= r.bias == INFINITY; });
    if (forced) {
      std::fill(z_.begin(), z_.end(), -INFINITY);
      for_rules([&](double& z, int v, const Rule& r) { if (r.bias == INFINITY && allowed(static_cast<size_t>(v))) z = 0; });
    }
    for_rules([&](double& z, int, const Rule& r) { if (std::isfinite(z)) z += std::abs(z) * (std::pow(static_cast<double>(r.growth), row_.position - r.first + 1) - 1); });
  }

  // Keeps what comes first by `better` until `enough(weight before)`; equal values stay together when `ties`.
  void drop(const std::vector<double>& value, double least) {
    for (size_t v = 0; v < w_.size(); ++v) {
      fragile_ |= w_[v] > 0 && value[v] != least && std::abs(value[v] - least) < 1e-5;
      if (value[v] < least) w_[v] = 0;
    }
  }

  std::vector<size_t> by(const std::vector<double>& value) const {
    std::vector<size_t> order(w_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) { return value[i] > value[j]; });
    return order;
  }

  double entropy() const {
    double e = 0;
    for (const double w : w_)
      if (w > 0) e -= w / total() * std::log(w / total());
    return e;
  }

  void keep_from(double bound) { drop(w_, std::min(bound, *std::max_element(w_.begin(), w_.end()))); }

  void filter() {
    if (row_.top_n_sigma > 0) {
      double n = 0, mean = 0, squares = 0;
      for (const double z : z_)
        if (z > -INFINITY) ++n, mean += z;
      mean /= n;
      for (const double z : z_)
        if (z > -INFINITY) squares += (z - mean) * (z - mean);
      drop(z_, top_ - row_.top_n_sigma * std::sqrt(squares / n));
    }
    if (row_.top_k > 0 && row_.top_k < static_cast<int>(z_.size())) drop(z_, z_[by(z_)[static_cast<size_t>(row_.top_k - 1)]]);
    if (row_.top_p < 1) {
      const double sum = total();
      double before = 0;
      bool first = true;
      for (const size_t v : by(z_)) {
        const double w = w_[v];
        if (w == 0) continue;
        fragile_ |= !first && std::abs(before - row_.top_p * sum) < 1e-5 * sum;
        if (!first && before >= row_.top_p * sum) w_[v] = 0;
        before += w, first = false;
      }
    }
    if (row_.min_p > 0) keep_from(row_.min_p);
    if (row_.typical_p < 1) {
      std::vector<double> nearness(w_.size(), -INFINITY);
      const double sum = total(), e = entropy();
      for (size_t v = 0; v < w_.size(); ++v)
        if (w_[v] > 0) nearness[v] = -std::abs(-std::log(w_[v] / sum) - e);
      double before = 0, least = 0;
      for (const size_t v : by(nearness)) {
        fragile_ |= std::abs(before - row_.typical_p * sum) < 1e-5 * sum;
        if (before >= row_.typical_p * sum) break;
        least = nearness[v], before += w_[v];
      }
      drop(nearness, least);
    }
    if (row_.epsilon_cutoff > 0) keep_from(row_.epsilon_cutoff * total());
    if (row_.eta_cutoff > 0) keep_from(std::min<double>(row_.eta_cutoff, std::sqrt(static_cast<double>(row_.eta_cutoff)) * std::exp(-entropy())) * total());
  }

  const Batch& batch_;
  const Row& row_;
  std::vector<int> history_;
  std::vector<double> z_, w_;
  double top_ = 0;
  bool fragile_ = false;
};

void compare(const Batch& b, const Output& o) {
  int compared = 0;
  for (size_t r = 0; r < b.rows.size(); ++r) {
    SCOPED_TRACE("row " + std::to_string(r));
    const Plain plain(b, r);
    if (plain.fragile()) continue;
    ++compared;
    const size_t at = r * static_cast<size_t>(b.vocabulary);
    double running = 0, before = 0;
    for (size_t v = 0; v < static_cast<size_t>(b.vocabulary); ++v) {
      const float processed = o.processed[at + v];
      if (plain.w()[v] > 0) ASSERT_NEAR(processed, plain.z()[v], 1e-4) << v;
      else ASSERT_EQ(processed > -100 && std::isfinite(processed), false) << v << " was removed, " << processed;
      if (static_cast<int>(v) <= o.ids[r]) running += plain.w()[v];
      if (static_cast<int>(v) < o.ids[r]) before += plain.w()[v];
    }
    const Row& row = b.rows[r];
    const unsigned u = cuda::philox_draw(static_cast<uint64_t>(row.seed), static_cast<uint64_t>(row.request), static_cast<unsigned>(row.choice), static_cast<unsigned>(row.position));
    const double goal = u * 0x1p-24 * plain.total();
    ASSERT_GE(o.ids[r], 0);
    EXPECT_GT(plain.w()[static_cast<size_t>(o.ids[r])], 0) << "drew what was removed";
    EXPECT_GT(running, goal - 1e-5 * plain.total());
    EXPECT_LE(before, goal + 1e-5 * plain.total());
    EXPECT_NEAR(o.sampled[r], std::log(plain.w()[static_cast<size_t>(o.ids[r])] / plain.total()), 1e-4);
    double greatest = -INFINITY, sum = 0;
    for (int v = 0; v < b.vocabulary; ++v) greatest = std::max(greatest, static_cast<double>(b.logits[at + static_cast<size_t>(v)] / row.temperature));
    for (int v = 0; v < b.vocabulary; ++v) sum += std::exp(b.logits[at + static_cast<size_t>(v)] / row.temperature - greatest);
    EXPECT_NEAR(o.log_prob[r], b.logits[at + static_cast<size_t>(o.ids[r])] / row.temperature - greatest - std::log(sum), 2e-5);
  }
  EXPECT_GT(compared, 0);
}

// Logits in steps of 1/8, so that there are ties.
Batch make(int vocabulary, size_t rows, Random& random) {
  Batch b{vocabulary, std::vector<Row>(rows), random.normals(static_cast<int64_t>(rows) * vocabulary, 2), {}, 0, {}, {}, {}};
  for (float& x : b.logits) x = std::nearbyint(x * 8) / 8;
  for (Row& r : b.rows) r.seed = random.integer(0, 1 << 30), r.request = random.integer(0, int64_t{1} << 40), r.position = static_cast<int>(random.integer(0, 1000)), r.temperature = static_cast<float>(0.5 + random.uniform());
  return b;
}

TEST(CudaSampling, EveryFilter_AgreesWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const int vocabulary : {3, 700, 2100}) {
    Batch b = make(vocabulary, 10, random);
    std::vector<Row>& r = b.rows;
    r[1].top_k = 1 + static_cast<int>(random.integer(0, 40));
    r[2].top_p = random.uniform();
    r[3].min_p = static_cast<float>(random.uniform());
    r[4].typical_p = static_cast<float>(0.05 + 0.9 * random.uniform());
    r[5].epsilon_cutoff = 0.002f;
    r[6].eta_cutoff = 0.01f;
    r[7].top_n_sigma = static_cast<float>(0.5 + random.uniform());
    r[8] = r[2], r[8].top_p = 0.999, r[8].top_k = 50, r[8].typical_p = 0.9f, r[8].epsilon_cutoff = 0.001f, r[8].min_p = 0.01f;
    r[9].top_p = 0;
    compare(b, run(b));
  }
}

TEST(CudaSampling, PenaltiesRulesAndMask_AgreeWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  Batch b = make(300, 8, random);
  b.width = 60;
  for (size_t i = 0; i < b.rows.size() * 60; ++i) b.history.push_back(static_cast<int>(random.integer(0, 20)));
  b.masks.resize(10);
  for (unsigned& m : b.masks) m = static_cast<unsigned>(random.integer(1, 0xffffffff));
  for (Row& r : b.rows) r.history_length = static_cast<int>(random.integer(30, 60)), r.position = r.history_length;
  b.rule_tokens = {5, 7, b.history[static_cast<size_t>(b.rows[5].history_length - 1) + 5 * 60], 9, 11, 250};
  b.rules = {{0, 1, 0, 1000, 2.5f, 1}, {1, 1, 0, 1000, -INFINITY, 1}, {2, 2, 0, 1000, 1.0f, 1}, {4, 1, 20, 1000, 0, 1.02f}, {5, 1, 2000, 3000, 9, 1}};
  std::vector<Row>& r = b.rows;
  r[0].repetition_penalty = 1.5f;
  r[1].frequency_penalty = 0.3f, r[1].presence_penalty = 0.7f, r[1].count_start = 10;
  r[2].no_repeat_ngram = 2;
  r[3].mask = 0;
  r[4].repetition_penalty = 0.8f, r[4].penalty_window = 9, r[4].frequency_penalty = -0.1f;
  for (const size_t i : {5, 6, 7}) r[i].rules_count = static_cast<int>(b.rules.size());
  r[6].mask = 0, r[6].top_k = 20, r[6].repetition_penalty = 1.1f;
  Batch plain_rows = b, forced = b;
  plain_rows.rows.resize(5), plain_rows.rules.clear();  // the oracle takes all rules for every row
  plain_rows.logits.resize(5 * 300);
  compare(plain_rows, run(plain_rows));
  for (Row& x : b.rows) x.rules_count = static_cast<int>(b.rules.size());
  compare(b, run(b));
  forced.rules.push_back({0, 1, 0, 1000, INFINITY, 1}), forced.rules.push_back({3, 1, 0, 1000, INFINITY, 1});
  for (Row& x : forced.rows) x.rules_count = static_cast<int>(forced.rules.size()), x.mask = -1;
  const Output o = run(forced);
  for (const int id : o.ids) EXPECT_TRUE(id == 5 || id == 9) << id;
}

TEST(CudaSampling, Greedy_TakesTheGreatestAndNothingWhereNothingIsLeft) {
  Random random;
  SCOPED_TRACE(random.seed());
  Batch b = make(600, 2, random);
  for (Row& r : b.rows) r.temperature = 0;
  for (size_t v = 0; v < 600; ++v) b.logits[600 + v] = -INFINITY;
  const Output o = run(b);
  EXPECT_EQ(o.ids[0], std::max_element(b.logits.begin(), b.logits.begin() + 600) - b.logits.begin());
  EXPECT_EQ(o.sampled[0], 0);
  EXPECT_EQ(o.ids[1], -1);
  EXPECT_TRUE(std::isnan(o.log_prob[1]) && std::isnan(o.sampled[1]));
  EXPECT_EQ(std::count(o.processed.begin(), o.processed.end(), -INFINITY), 1199);
}

TEST(CudaSampling, RowAloneAndAnyOrderOfThreads_SameDraw) {
  Random random;
  SCOPED_TRACE(random.seed());
  Batch b = make(900, 3, random);
  b.rows[1].top_p = 0.9, b.rows[2].typical_p = 0.5f;
  const Output all = run(b);
  for (const Options& options : orders(random.seed())) {
    const Output o = run(b, options);
    EXPECT_TRUE(same_bits(all.ids, o.ids) && same_bits(all.log_prob, o.log_prob) && same_bits(all.sampled, o.sampled));
  }
  Batch alone = b;
  alone.rows = {b.rows[2]}, alone.logits.erase(alone.logits.begin(), alone.logits.begin() + 1800);
  const Output o = run(alone);
  EXPECT_EQ(all.ids[2], o.ids[0]);
  EXPECT_EQ(all.log_prob[2], o.log_prob[0]);
}

TEST(CudaSampling, PlainDraws_FollowTheDistribution) {
  Random random;
  SCOPED_TRACE(random.seed());
  const int draws = 400;
  Batch b = make(4, draws, random);
  for (size_t i = 0; i < b.rows.size(); ++i) {
    b.rows[i].temperature = 1, b.rows[i].position = static_cast<int>(i);
    for (size_t v = 0; v < 4; ++v) b.logits[4 * i + v] = std::log(static_cast<float>(v + 1) / 10);
  }
  const Output o = run(b);
  for (int v = 0; v < 4; ++v) {
    const double p = (v + 1) / 10.0, expected = draws * p, deviation = std::sqrt(draws * p * (1 - p));
    EXPECT_NEAR(static_cast<double>(std::count(o.ids.begin(), o.ids.end(), v)), expected, 6.5 * deviation) << v;  // 1e-10
  }
}

TEST(CudaSampling, TopValues_AreSortedWithTiesByLowerId) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Batch b = make(500, 3, random);
  const int k = 20;
  const DeviceArray<float> values(b.logits), top(3 * k);
  const DeviceArray<int> ids(3 * k);
  emulator::launch("sampling_top", cuda::sampling_top, {3}, cuda::kSamplingThreads, cuda::kSamplingShared, cuda::TopValuesArguments{in(values), {}, {}, out(ids), out(top), 500, k, k, 500, k});
  for (size_t r = 0; r < 3; ++r) {
    std::vector<int> order(500);
    std::iota(order.begin(), order.end(), 0);
    const float* row = b.logits.data() + r * 500;
    std::stable_sort(order.begin(), order.end(), [&](int i, int j) { return row[i] > row[j]; });
    for (size_t i = 0; i < static_cast<size_t>(k); ++i) {
      ASSERT_EQ(ids.values()[r * k + i], order[i]);
      ASSERT_EQ(top.values()[r * k + i], row[order[i]]);
    }
  }
}

TEST(CudaSampling, Philox_KnownAnswer) {
  EXPECT_EQ(cuda::philox_draw(0, 0, 0, 0), 0x6627e8d5u >> 8);                                                       // Random123's kat_vectors
  EXPECT_EQ(cuda::philox_draw(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3, 0x243f6a88), 0xd16cfe09u >> 8);
}

}  // namespace
}  // namespace he
