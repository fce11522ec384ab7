#include "cuda/norm/norm_backward.h"

#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

struct Case {
  int rows, width, layer, accumulate;
};
const Case kCases[] = {{3, 576, 0, 0}, {5, 37, 1, 1}, {2, 1030, 1, 0}, {1, 4, 0, 1}};

struct Inputs {
  std::vector<float> dy, sum, weight, statistics, old, d_weight, d_bias;

  Inputs(const Case& c, Random& random)
      : dy(random.normals(static_cast<int64_t>(c.rows) * c.width)), sum(random.normals(static_cast<int64_t>(c.rows) * c.width)), weight(random.normals(c.width)),
        old(random.normals(static_cast<int64_t>(c.rows) * c.width)), d_weight(random.normals(c.width)), d_bias(random.normals(c.width)) {
    for (int r = 0; r < c.rows; ++r) statistics.push_back(c.layer ? random.normal() : 0.0f), statistics.push_back(static_cast<float>(0.5 + random.uniform()));
  }
};

std::vector<float> run(const Case& c, const Inputs& x, const Options& options = {}) {
  const DeviceArray<float> dy(x.dy), sum(x.sum), weight(x.weight), statistics(x.statistics);
  const DeviceArray<float> d_sum = c.accumulate ? DeviceArray<float>(x.old) : DeviceArray<float>(x.dy.size());
  const cuda::NormBackwardArguments a = {in(dy), in(sum), in(weight), in(statistics), out(d_sum), c.width, c.width, c.width, 2, c.width, c.layer, c.accumulate, 0.5f};
  emulator::launch("norm backward", cuda::norm_backward_f32, {static_cast<unsigned>(c.rows)}, cuda::kNormBackwardThreads, cuda::kNormBackwardShared, a, options);
  return d_sum.values();
}

TEST(CudaNormBackward, Rows_AgreeWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.width);
    const Inputs x(c, random);
    const std::vector<float> found = run(c, x);
    for (int r = 0; r < c.rows; ++r) {
      const double mean = x.statistics[2 * r], inverse = x.statistics[2 * r + 1];
      double mean_g = 0, mean_gh = 0, largest = 0;
      const auto g = [&](int i) { return x.dy[r * c.width + i] * (static_cast<double>(x.weight[i]) + 0.5); };
      const auto h = [&](int i) { return (x.sum[r * c.width + i] - mean) * inverse; };
      for (int i = 0; i < c.width; ++i) mean_g += g(i) / c.width, mean_gh += g(i) * h(i) / c.width, largest = std::max({largest, std::abs(g(i)), std::abs(h(i)), std::abs(g(i) * h(i) * h(i))});
      for (int i = 0; i < c.width; ++i) {
        const int at = r * c.width + i;
        const double expected = inverse * (g(i) - (c.layer ? mean_g : 0) - h(i) * mean_gh) + (c.accumulate ? x.old[at] : 0.0f);
        EXPECT_NEAR(expected, found[at], 2e-5 * (1 + largest)) << at;  // terms of this size are subtracted from each other
      }
    }
    for (const Options& options : orders(random.seed())) EXPECT_TRUE(same_bits(found, run(c, x, options)));
  }
}

TEST(CudaNormBackward, IntoDy_SameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Case c = {2, 517, 1, 0};
  const Inputs x(c, random);
  const DeviceArray<float> dy(x.dy), sum(x.sum), weight(x.weight), statistics(x.statistics);
  const cuda::NormBackwardArguments a = {in(dy), in(sum), in(weight), in(statistics), out(dy), c.width, c.width, c.width, 2, c.width, c.layer, 0, 0.5f};
  emulator::launch("norm backward", cuda::norm_backward_f32, {2}, cuda::kNormBackwardThreads, cuda::kNormBackwardShared, a);
  EXPECT_TRUE(same_bits(run(c, x), dy.values()));
}

TEST(CudaColumnSums, WeightsAndBias_FollowTheDocumentedOrder) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : {Case{1, 1, 0, 0}, Case{3, 40, 0, 0}, Case{64, 33, 0, 0}, Case{600, 5, 0, 0}}) {
    SCOPED_TRACE(c.rows);
    const Inputs x(c, random);
    std::vector<float> d_weight, d_bias;
    for (int i = 0; i < c.width; ++i) {
      float products = 0, plain = 0;
      for (int first = 0; first < c.rows; first += 64) {
        float p = 0, s = 0;
        for (int r = first; r < std::min(first + 64, c.rows); ++r) {
          const float d = x.dy[r * c.width + i];
          p = std::fma(d, (x.sum[r * c.width + i] - x.statistics[2 * r]) * x.statistics[2 * r + 1], p), s += d;
        }
        products += p, plain += s;
      }
      d_weight.push_back(x.d_weight[i] + products), d_bias.push_back(x.d_bias[i] + plain);
    }
    for (const Options& options : orders(random.seed())) {
      const DeviceArray<float> dy(x.dy), sum(x.sum), statistics(x.statistics), weights(x.d_weight), bias(x.d_bias), bias_alone(x.d_bias);
      cuda::ColumnSumArguments a = {in(dy), in(sum), in(statistics), out(weights), out(bias), c.width, c.width, 2, c.rows, c.width};
      const emulator::Index grid = {static_cast<unsigned>((c.width + 31) / 32)};
      emulator::launch("column sums", cuda::column_sums_f32, grid, cuda::kColumnSumWarps * 32, cuda::kColumnSumShared, a, options);
      EXPECT_TRUE(same_bits(d_weight, weights.values()));
      EXPECT_TRUE(same_bits(d_bias, bias.values()));
      a.d_weight = {}, a.sum = {}, a.statistics = {}, a.d_bias = out(bias_alone);
      emulator::launch("column sums", cuda::column_sums_f32, grid, cuda::kColumnSumWarps * 32, cuda::kColumnSumShared, a, options);
      EXPECT_TRUE(same_bits(d_bias, bias_alone.values()));
    }
  }
}

}  // namespace
}  // namespace he
