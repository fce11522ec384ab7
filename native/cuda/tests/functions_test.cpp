#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

TEST(CudaFunctions, ExpAndTanh_AgreeWithFloat64) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (int i = 0; i < 100000; ++i) {
    const float x = static_cast<float>(random.uniform() * 170 - 85), t = static_cast<float>(random.uniform() * 20 - 10);
    ASSERT_NEAR(cuda::exp_accurate(x) / std::exp(static_cast<double>(x)), 1, 0x1p-22) << x;
    ASSERT_NEAR(cuda::tanh_accurate(t), std::tanh(static_cast<double>(t)), 0x1p-22) << t;
    ASSERT_NEAR(cuda::tanh_accurate(t / 1000) / std::tanh(static_cast<double>(t / 1000)), 1, 0x1p-21) << t;
  }
  EXPECT_EQ(cuda::exp_accurate(0), 1);
  EXPECT_EQ(cuda::exp_accurate(-INFINITY), 0);
  EXPECT_EQ(cuda::exp_accurate(INFINITY), INFINITY);
  EXPECT_TRUE(std::isnan(cuda::exp_accurate(NAN)) && std::isnan(cuda::tanh_accurate(NAN)));
}

TEST(CudaFunctions, Log_AgreesWithFloat64) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (int i = 0; i < 100000; ++i) {
    const float x = static_cast<float>(std::exp(random.uniform() * 170 - 85)), one = static_cast<float>(0.5 + random.uniform());
    const double wide = std::log(static_cast<double>(x)), narrow = std::log(static_cast<double>(one));
    ASSERT_NEAR(cuda::log_accurate(x), wide, 0x1p-22 * std::abs(wide)) << x;
    ASSERT_NEAR(cuda::log_accurate(one), narrow, 0x1p-21 * std::abs(narrow) + 1e-12) << one;
  }
  EXPECT_EQ(cuda::log_accurate(1), 0);
  EXPECT_EQ(cuda::log_accurate(0), -INFINITY);
  EXPECT_EQ(cuda::log_accurate(INFINITY), INFINITY);
  EXPECT_NEAR(cuda::log_accurate(1e-40f), std::log(static_cast<double>(1e-40f)), 1e-4);
  EXPECT_TRUE(std::isnan(cuda::log_accurate(-1)) && std::isnan(cuda::log_accurate(NAN)));
}

}  // namespace
}  // namespace he
