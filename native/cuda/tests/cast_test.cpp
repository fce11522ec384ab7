#include "cuda/conversion/cast.h"
#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

// Rows of odd widths in strides that allow vectors and strides that do not.
TEST(CudaCast, StridedRows_RoundToNearestEvenAndWidenExactly) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const auto [rows, width, stride] : {std::array{3, 64, 64}, std::array{2, 700, 712}, std::array{4, 5, 5}, std::array{1, 513, 520}}) {
    SCOPED_TRACE(width);
    const std::vector<float> x = random.normals(static_cast<int64_t>(rows) * stride);
    for (const Options& options : orders(random.seed())) {
      const DeviceArray<float> from(x), back(static_cast<size_t>(rows) * width);
      const DeviceArray<bf16> narrow(static_cast<size_t>(rows) * width);
      const emulator::Index grid{static_cast<unsigned>(rows), static_cast<unsigned>((width + cuda::kCastColumns - 1) / cuda::kCastColumns)};
      emulator::launch("cast", cuda::cast_f32_bf16, grid, cuda::kCastThreads, 0, cuda::CastArguments<float, bf16>{in(from), out(narrow), stride, width, width}, options);
      emulator::launch("cast", cuda::cast_bf16_f32, grid, cuda::kCastThreads, 0, cuda::CastArguments<bf16, float>{in(narrow), out(back), width, width, width}, options);
      std::vector<float> expected;
      for (int r = 0; r < rows; ++r)
        for (int i = 0; i < width; ++i) expected.push_back(cuda::widen(bf16{emulator::round_bf16(x[static_cast<size_t>(r) * stride + i])}));
      EXPECT_TRUE(same_bits(expected, back.values()));
    }
  }
}

}  // namespace
}  // namespace he
