#include "cuda/optimizer/optimizer.h"

#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

unsigned ceil(int64_t n, int64_t d) { return static_cast<unsigned>((n + d - 1) / d); }

TEST(CudaOptimizer, AdamW_AgreesWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const int n : {1, 7, 1024, 2050}) {
    for (const bool scaled : {false, true}) {
      const std::vector<float> p0 = random.normals(n), g0 = random.normals(n), m0 = random.normals(n, 0.1f);
      std::vector<float> v0 = random.normals(n, 0.1f);
      for (float& v : v0) v *= v;
      const double lr = 0.01, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, decay = 0.1, t = 3, c1 = 1 - std::pow(beta1, t), c2 = 1 - std::pow(beta2, t);
      const float scale = scaled ? 0.25f : 1.0f;
      const DeviceArray<float> p(p0), g(g0), m(m0), v(v0), s(std::vector<float>{scale});
      const DeviceArray<bf16> copy(static_cast<size_t>(n));
      cuda::AdamWArguments a{out(p), out(m), out(v), in(g), {}, out(copy), n, static_cast<float>(1 - lr * decay), static_cast<float>(1 - beta1), static_cast<float>(beta2),
                             static_cast<float>(1 - beta2), static_cast<float>(lr / c1), static_cast<float>(1 / std::sqrt(c2)), static_cast<float>(epsilon)};
      if (scaled) a.gradient_scale = in(s);
      emulator::launch("adamw", cuda::adamw, {ceil(n, cuda::kAdamWElements)}, cuda::kOptimizerThreads, 0, a);
      std::vector<double> ep, em, ev;
      for (size_t i = 0; i < p0.size(); ++i) {
        const double d = static_cast<double>(g0[i]) * scale;
        em.push_back(beta1 * m0[i] + (1 - beta1) * d);
        ev.push_back(beta2 * v0[i] + (1 - beta2) * d * d);
        ep.push_back(p0[i] * (1 - lr * decay) - lr / c1 * em.back() / (std::sqrt(ev.back() / c2) + epsilon));
      }
      EXPECT_TRUE(near(ep, p.values(), 1e-6, 1e-7));
      EXPECT_TRUE(near(em, m.values(), 1e-6, 1e-7));
      EXPECT_TRUE(near(ev, v.values(), 1e-6, 1e-7));
      EXPECT_TRUE(same_bits(floats(as<bf16>(p.values())), floats(copy.values())));
    }
  }
}

TEST(CudaOptimizer, AdamW_ElementThatNeverHadAGradient_StaysZero) {
  const DeviceArray<float> p(std::vector<float>(5)), g(std::vector<float>(5)), m(std::vector<float>(5)), v(std::vector<float>(5));
  const cuda::AdamWArguments a{out(p), out(m), out(v), in(g), {}, {}, 5, 1, 0.1f, 0.9f, 0.1f, 0.01f, 1, 0};
  emulator::launch("adamw", cuda::adamw, {1}, cuda::kOptimizerThreads, 0, a);
  EXPECT_TRUE(same_bits(std::vector<float>(5), p.values()));
}

double norm_of(const std::vector<std::vector<float>>& tensors, const Options& options = {}) {
  int64_t chunks = 0;
  for (const auto& x : tensors) chunks += ceil(static_cast<int64_t>(x.size()), cuda::kNormElements);
  const DeviceArray<double> partial(static_cast<size_t>(chunks)), result(1);
  int64_t at = 0;
  for (const auto& values : tensors) {
    const DeviceArray<float> x(values);
    const int64_t n = static_cast<int64_t>(values.size());
    if (n) emulator::launch("squared_norm", cuda::squared_norm, {ceil(n, cuda::kNormElements)}, cuda::kOptimizerThreads, cuda::kSumShared, cuda::SquaredNormArguments{in(x), out(partial) + at, n}, options);
    at += ceil(n, cuda::kNormElements);
  }
  emulator::launch("sum_partials", cuda::sum_partials, {1}, cuda::kOptimizerThreads, cuda::kSumShared, cuda::SumPartialsArguments{in(partial), out(result), chunks}, options);
  return result.values()[0];
}

TEST(CudaOptimizer, SquaredNorm_ManyTensors_IsTheSumInAnyOrder) {
  Random random;
  SCOPED_TRACE(random.seed());
  const std::vector<std::vector<float>> tensors = {random.normals(3), {}, random.normals(4096), random.normals(9000, 1e15f), random.normals(4097, 1e15f)};
  double expected = 0;
  for (const auto& x : tensors)
    for (const float v : x) expected += static_cast<double>(v) * v;
  const double found = norm_of(tensors);
  EXPECT_NEAR(found / expected, 1, 1e-12);
  for (const Options& options : orders(random.seed())) EXPECT_EQ(found, norm_of(tensors, options));
}

TEST(CudaOptimizer, ClipCoefficient_IsPyTorchs) {
  const auto clip = [](double squared, double max_norm) {
    const DeviceArray<double> norm(std::vector<double>{squared});
    const DeviceArray<float> coefficient(1);
    emulator::launch("clip_coefficient", cuda::clip_coefficient, {1}, 32, 0, cuda::ClipArguments{in(norm), out(coefficient), max_norm});
    return coefficient.values()[0];
  };
  EXPECT_EQ(clip(16, 1), static_cast<float>(1 / (4 + 1e-6)));
  EXPECT_EQ(clip(0.25, 1), 1);
  EXPECT_EQ(clip(1e60, 0), 1);
  EXPECT_EQ(clip(0, 1), 1);
  EXPECT_TRUE(std::isnan(clip(INFINITY, 1)) && std::isnan(clip(NAN, 1)) && std::isnan(clip(NAN, 0)));
}

}  // namespace
}  // namespace he
