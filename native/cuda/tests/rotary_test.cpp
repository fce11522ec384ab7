#include "cuda/position/rotary.h"

#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

template <class T>
class CudaRotary : public ::testing::Test {};
using Types = ::testing::Types<float, bf16>;
TYPED_TEST_SUITE(CudaRotary, Types);

struct Case {
  int heads, size, rotary;
  bool interleaved, inverse;
  int gap;  // elements between a token's heads and the next token's
};

TYPED_TEST(CudaRotary, EveryLayout_AgreesWithPlainLoops) {
  using T = TypeParam;
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : {Case{3, 64, 64, false, false, 0}, Case{5, 80, 32, false, true, 7}, Case{2, 6, 2, true, false, 3}, Case{9, 64, 64, true, true, 64}, Case{1, 10, 10, false, false, 1}}) {
    const int tokens = 4, rows = 50, stride = c.heads * c.size + c.gap;
    const std::vector<int> positions = {0, 49, 17, 99};  // the last is beyond the table and takes its last row
    std::vector<float> table;
    for (int p = 0; p < rows; ++p)
      for (int i = 0; i < c.rotary; ++i) {
        const double angle = p * std::pow(1e4, -2.0 * (i % (c.rotary / 2)) / c.rotary);
        table.push_back(static_cast<float>(i < c.rotary / 2 ? std::cos(angle) : std::sin(angle)));
      }
    const std::vector<T> before = as<T>(random.normals(tokens * stride));
    for (const Options& options : orders(random.seed())) {
      const DeviceArray<T> x(before);
      const DeviceArray<int> where(positions);
      const DeviceArray<float> angles(table);
      const cuda::RotaryArguments<T> a{out(x), in(where), in(angles), stride, c.size, c.heads, c.rotary, rows, c.interleaved, c.inverse};
      void (*kernel)(cuda::RotaryArguments<T>);
      if constexpr (sizeof(T) == 2) kernel = cuda::rotary_bf16;
      else kernel = cuda::rotary_f32;
      emulator::launch("rotary", kernel, {static_cast<unsigned>(tokens)}, cuda::kRotaryThreads, 0, a, options);
      const std::vector<T> after = x.values();
      std::vector<double> expected(before.size());
      for (size_t i = 0; i < before.size(); ++i) expected[i] = value(before[i]);  // what is not rotated stays
      for (int t = 0; t < tokens; ++t)
        for (int h = 0; h < c.heads; ++h)
          for (int i = 0; i < c.rotary / 2; ++i) {
            const int head = t * stride + h * c.size, p = std::min(positions[static_cast<size_t>(t)], rows - 1) * c.rotary;
            const int first = head + (c.interleaved ? 2 * i : i), second = head + (c.interleaved ? 2 * i + 1 : i + c.rotary / 2);
            const double u = value(before[static_cast<size_t>(first)]), v = value(before[static_cast<size_t>(second)]);
            const double cosine = table[static_cast<size_t>(p + i)], sine = (c.inverse ? -1.0 : 1.0) * table[static_cast<size_t>(p + c.rotary / 2 + i)];
            expected[static_cast<size_t>(first)] = u * cosine - v * sine;
            expected[static_cast<size_t>(second)] = v * cosine + u * sine;
          }
      EXPECT_TRUE(near(expected, floats(after), spacing<T>(), 2e-6)) << c.size;
    }
  }
}

}  // namespace
}  // namespace he
