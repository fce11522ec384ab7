#include "cuda/norm/norm.h"

#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

struct Case {
  int rows, width;
  bool layer, residual, bias;
  float offset = 0;
};

const Case kCases[] = {{3, 576, false, true, false}, {2, 64, true, true, true}, {1, 1, true, false, false}, {4, 513, false, true, false, 1.0f},
                       {2, 1030, true, false, true}, {5, 7, true, true, true}, {1, 2052, false, false, false, 1.0f}};

template <class T>
struct Output {
  std::vector<T> sum, y;
  std::vector<float> statistics;
};

template <class T>
struct Input {
  std::vector<T> x, residual;
  std::vector<float> weight, bias;
};

template <class T>
Input<T> make(const Case& c, Random& random) {
  const int64_t n = static_cast<int64_t>(c.rows) * c.width;
  std::vector<float> x = random.normals(n);
  for (float& v : x) v += 3;  // a mean that a one-pass variance would lose digits by
  return {as<T>(x), as<T>(random.normals(n)), random.normals(c.width), random.normals(c.width)};
}

template <class T>
Output<T> run(const Case& c, const Input<T>& input, const Options& options = {}) {
  const DeviceArray<T> x(input.x), residual(input.residual), sum(input.x.size()), y(input.x.size());
  const DeviceArray<float> weight(input.weight), bias(input.bias), statistics(static_cast<size_t>(c.rows) * 2);
  cuda::NormArguments<T> a{in(x), {}, in(weight), {}, {}, out(y), out(statistics), c.width, c.width, c.width, c.width, 2, c.width, c.layer, 1e-5f, c.offset};
  if (c.residual) a.residual = in(residual), a.sum = out(sum);
  if (c.bias) a.bias = in(bias);
  void (*kernel)(cuda::NormArguments<T>);
  if constexpr (sizeof(T) == 2) kernel = cuda::norm_bf16;
  else kernel = cuda::norm_f32;
  emulator::launch("norm", kernel, {static_cast<unsigned>(c.rows)}, cuda::kNormThreads, cuda::kNormShared, a, options);
  return {c.residual ? sum.values() : input.x, y.values(), statistics.values()};
}

template <class T>
class CudaNorm : public ::testing::Test {};
using Types = ::testing::Types<float, bf16>;
TYPED_TEST_SUITE(CudaNorm, Types);

TYPED_TEST(CudaNorm, EveryKind_AgreesWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.width);
    const Input<TypeParam> input = make<TypeParam>(c, random);
    const Output<TypeParam> o = run(c, input);
    std::vector<double> sums, ys, statistics;
    for (int r = 0; r < c.rows; ++r) {
      std::vector<double> row(static_cast<size_t>(c.width));
      double mean = 0, squares = 0;
      for (int i = 0; i < c.width; ++i) {
        const size_t at = static_cast<size_t>(r) * c.width + i;
        const double exact = value(input.x[at]) + (c.residual ? static_cast<double>(value(input.residual[at])) : 0.0);
        sums.push_back(exact);
        row[i] = value(o.sum[at]);  // what is normalised is the rounded sum
        mean += row[i] / c.width;
      }
      if (!c.layer) mean = 0;
      for (const double v : row) squares += (v - mean) * (v - mean) / c.width;
      const double inverse = 1 / std::sqrt(squares + static_cast<double>(1e-5f));
      statistics.push_back(mean), statistics.push_back(inverse);
      for (int i = 0; i < c.width; ++i) ys.push_back((row[i] - mean) * inverse * (static_cast<double>(input.weight[i]) + c.offset) + (c.bias ? input.bias[i] : 0.0f));
    }
    EXPECT_TRUE(near(sums, floats(o.sum), spacing<TypeParam>(), 1e-7));
    EXPECT_TRUE(near(statistics, o.statistics, 2e-6, 2e-6));
    EXPECT_TRUE(near(ys, floats(o.y), spacing<TypeParam>() + 4e-6, 2e-5));
  }
}

TYPED_TEST(CudaNorm, AnyOrderOfThreadsAndRowAlone_SameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.width);
    const Input<TypeParam> input = make<TypeParam>(c, random);
    const Output<TypeParam> o = run(c, input);
    for (const Options& options : orders(random.seed())) EXPECT_TRUE(same_bits(floats(o.y), floats(run(c, input, options).y)));
    Case alone = c;
    alone.rows = 1;
    Input<TypeParam> last = input;
    last.x.erase(last.x.begin(), last.x.end() - c.width);
    last.residual.erase(last.residual.begin(), last.residual.end() - c.width);
    const std::vector<float> all = floats(o.y);
    EXPECT_TRUE(same_bits(std::vector<float>(all.end() - c.width, all.end()), floats(run(alone, last).y)));
  }
}

}  // namespace
}  // namespace he
