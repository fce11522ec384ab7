// Log-probabilities, entropies and gradients of logits against plain loops in float64; pieces of any size give the same bits.
#include "cuda/head/head.h"

#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

struct Case {
  int rows, vocabulary;
  float temperature, soft_cap;
};
const Case kCases[] = {{3, 5, 1, 0}, {5, 512, 0.7f, 0}, {2, 1500, 1, 8}, {1, 2049, 2, 4}, {2, 17000, 1, 0}};

struct Data {
  std::vector<float> logits;
  std::vector<int> targets;
};

Data make(const Case& c, Random& random) {
  Data d{random.normals(static_cast<int64_t>(c.rows) * c.vocabulary, 3), {}};
  for (int r = 0; r < c.rows; ++r) d.targets.push_back(static_cast<int>(random.integer(0, c.vocabulary - 1)));
  if (c.rows > 2) d.targets[1] = -1;
  if (c.soft_cap == 0)  // impossible tokens, a whole tile of them where there are several
    for (int i = 0; i < std::min(c.vocabulary / 2, 600); ++i)
      if (i != d.targets[0]) d.logits[static_cast<size_t>(i)] = -INFINITY;
  return d;
}

struct Output {
  std::vector<float> log_prob, lse, entropy;
};

unsigned ceil(int n, int d) { return static_cast<unsigned>((n + d - 1) / d); }

// In pieces of `piece` columns (whole tiles).
Output run(const Case& c, const Data& d, int piece, const Options& options = {}) {
  const int tiles = cuda::vocabulary_tiles(c.vocabulary);
  const size_t rows = static_cast<size_t>(c.rows);
  const DeviceArray<int> targets(d.targets);
  const DeviceArray<float> partial(rows * static_cast<size_t>(tiles) * 4), z(rows), log_prob(rows), lse(rows), entropy(rows);
  for (int first = 0; first < c.vocabulary; first += piece) {
    const int columns = std::min(piece, c.vocabulary - first), stride = columns + 3;
    std::vector<float> part(rows * static_cast<size_t>(stride));
    for (int r = 0; r < c.rows; ++r) std::copy_n(d.logits.begin() + r * c.vocabulary + first, columns, part.begin() + r * stride);
    const DeviceArray<float> logits(part);
    const cuda::HeadTilesArguments a{in(logits), {}, in(targets), out(partial), out(z), stride, columns, first, tiles, 1 / c.temperature, c.soft_cap};
    emulator::launch("head_tiles", cuda::head_tiles, {static_cast<unsigned>(c.rows), ceil(cuda::vocabulary_tiles(columns), 4)}, cuda::kHeadThreads, 0, a, options);
  }
  const cuda::HeadFinishArguments f{in(partial), in(z), in(targets), out(log_prob), out(lse), out(entropy), c.rows, tiles};
  emulator::launch("head_finish", cuda::head_finish, {ceil(c.rows, 4)}, cuda::kHeadThreads, 0, f, options);
  return {log_prob.values(), lse.values(), entropy.values()};
}

struct Expected {
  std::vector<double> z, log_prob, lse, entropy;
};

Expected plain(const Case& c, const Data& d) {
  Expected e;
  for (int r = 0; r < c.rows; ++r) {
    std::vector<double> z;
    double greatest = -INFINITY, sum = 0, mean = 0;
    for (int v = 0; v < c.vocabulary; ++v) {
      double x = d.logits[static_cast<size_t>(r * c.vocabulary + v)];
      if (c.soft_cap > 0) x = c.soft_cap * std::tanh(x / c.soft_cap);
      z.push_back(x / c.temperature);
      greatest = std::max(greatest, z.back());
    }
    for (const double x : z) sum += std::exp(x - greatest);
    const double lse = greatest + std::log(sum);
    for (const double x : z) mean += x == -INFINITY ? 0 : std::exp(x - lse) * x;
    e.lse.push_back(lse), e.entropy.push_back(lse - mean);
    e.log_prob.push_back(d.targets[static_cast<size_t>(r)] < 0 ? 0 : z[static_cast<size_t>(d.targets[static_cast<size_t>(r)])] - lse);
    e.z.insert(e.z.end(), z.begin(), z.end());
  }
  return e;
}

TEST(CudaHead, LogProbs_AgreeWithPlainLoopsInAnyPiecesAndOrder) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.vocabulary);
    const Data d = make(c, random);
    const Expected e = plain(c, d);
    const Output o = run(c, d, 1 << 20);
    EXPECT_TRUE(near(e.log_prob, o.log_prob, 1e-6, 5e-6));
    EXPECT_TRUE(near(e.lse, o.lse, 1e-6, 5e-6));
    EXPECT_TRUE(near(e.entropy, o.entropy, 1e-6, 1e-5));
    for (const int piece : {512, 1536}) {
      const Output p = run(c, d, piece);
      EXPECT_TRUE(same_bits(o.log_prob, p.log_prob) && same_bits(o.lse, p.lse) && same_bits(o.entropy, p.entropy));
    }
    for (const Options& options : orders(random.seed())) EXPECT_TRUE(same_bits(o.log_prob, run(c, d, 1024, options).log_prob));
  }
}

TEST(CudaHead, RowThatIsNotFinite_SpoilsThatRowOnly) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Case c{3, 1100, 1, 0};
  Data d = make(c, random);
  const Output clean = run(c, d, 512);
  d.logits[static_cast<size_t>(1100 + 700)] = NAN;
  const Output o = run(c, d, 512);
  EXPECT_TRUE(std::isnan(o.lse[1]) && std::isnan(o.entropy[1]));
  for (const size_t r : {0, 2}) EXPECT_EQ(clean.lse[r], o.lse[r]);
}

TEST(CudaHead, Gradient_AgreesWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.vocabulary);
    const Data d = make(c, random);
    const Expected e = plain(c, d);
    const Output o = run(c, d, 1 << 20);
    const std::vector<float> dl = random.normals(c.rows), ds = random.normals(c.rows), de = random.normals(c.rows);
    const DeviceArray<int> targets(d.targets);
    const DeviceArray<float> logits(d.logits), lse(o.lse), entropy(o.entropy), d_log_prob(dl), d_lse(ds), d_entropy(de);
    const int cut = cuda::kVocabularyTile;  // two pieces where there are two tiles
    for (int first = 0; first < c.vocabulary; first = first == 0 && cut < c.vocabulary ? cut : c.vocabulary) {
      const int columns = first == 0 && cut < c.vocabulary ? cut : c.vocabulary - first;
      const cuda::HeadGradientArguments a{out(logits) + first, in(targets), in(lse), in(entropy), in(d_log_prob), in(d_lse), in(d_entropy), c.vocabulary, columns, first, 1 / c.temperature, c.soft_cap};
      emulator::launch("head_gradient", cuda::head_gradient, {static_cast<unsigned>(c.rows), ceil(columns, cuda::kHeadColumns)}, cuda::kHeadThreads, 0, a);
    }
    std::vector<double> expected;
    for (int r = 0; r < c.rows; ++r)
      for (int v = 0; v < c.vocabulary; ++v) {
        const size_t i = static_cast<size_t>(r), at = static_cast<size_t>(r * c.vocabulary + v);
        const double z = e.z[at], p = std::exp(z - e.lse[i]);
        double dz = d.targets[i] < 0 ? 0 : dl[i] * ((v == d.targets[i] ? 1 : 0) - p);
        dz += ds[i] * p - (p == 0 ? 0 : de[i] * p * (z - e.lse[i] + e.entropy[i]));
        const double cap = z * c.temperature / c.soft_cap;
        expected.push_back(dz / c.temperature * (c.soft_cap > 0 ? 1 - cap * cap : 1));
      }
    EXPECT_TRUE(near(expected, logits.values(), 1e-5, 1e-5));
  }
}

TEST(CudaHead, StoredLogits_GiveTheBitsOfTheHead) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Case c{4, 1300, 0.7f, 6};
  const Data d = make(c, random);
  const Output fused = run(c, d, 1024);
  const size_t rows = static_cast<size_t>(c.rows);
  const DeviceArray<float> logits(d.logits), temperature(std::vector<float>(rows, c.temperature)), partial(rows * 3 * 4), z(rows), log_prob(rows), lse(rows), all(d.logits.size());
  const DeviceArray<int> targets(d.targets);
  const unsigned n = static_cast<unsigned>(c.rows);
  emulator::launch("cap_logits", cuda::cap_logits, {n, ceil(c.vocabulary, cuda::kHeadColumns)}, cuda::kHeadThreads, 0, cuda::CapLogitsArguments{out(logits), c.vocabulary, c.vocabulary, c.soft_cap});
  emulator::launch("head_tiles", cuda::head_tiles, {n, 1}, cuda::kHeadThreads, 0,
                   cuda::HeadTilesArguments{in(logits), in(temperature), in(targets), out(partial), out(z), c.vocabulary, c.vocabulary, 0, 3, 1, 0});
  emulator::launch("head_finish", cuda::head_finish, {1}, cuda::kHeadThreads, 0, cuda::HeadFinishArguments{in(partial), in(z), in(targets), out(log_prob), out(lse), {}, c.rows, 3});
  emulator::launch("log_softmax", cuda::log_softmax, {n, ceil(c.vocabulary, cuda::kHeadColumns)}, cuda::kHeadThreads, 0,
                   cuda::LogSoftmaxArguments{in(logits), in(temperature), in(lse), out(all), c.vocabulary, c.vocabulary, c.vocabulary});
  EXPECT_TRUE(same_bits(fused.log_prob, log_prob.values()));
  const std::vector<float> every = all.values();
  for (int r = 0; r < c.rows; ++r) {
    if (d.targets[static_cast<size_t>(r)] < 0) continue;
    EXPECT_EQ(every[static_cast<size_t>(r * c.vocabulary + d.targets[static_cast<size_t>(r)])], fused.log_prob[static_cast<size_t>(r)]);
  }
}

}  // namespace
}  // namespace he
