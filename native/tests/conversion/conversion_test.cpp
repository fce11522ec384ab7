#include <bit>
#include <fstream>
#include <iterator>
#include <limits>

#include "tests/testing.h"

namespace he {
namespace {

using namespace he::testing;

constexpr int32_t kF32 = 0, kBf16 = 1, kF16 = 2, kQ8 = 7, kQ40 = 8, kQ41 = 9;

template <class T>
std::vector<T> read(const std::string& name) {
  std::ifstream file(std::string(HE_GOLDEN) + "/gguf/" + name, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(bytes.empty()) << name;
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

TEST(Convert, BlocksOfLlamaCpp_AreEqualByteForByteBothWays) {
  const std::vector<float> source = read<float>("source.f32");
  for (const auto& [type, name] :
       {std::pair<int32_t, std::string>{kQ8, "Q8_0"}, {kQ40, "Q4_0"}, {kQ41, "Q4_1"}, {kF16, "F16"}, {kBf16, "BF16"}}) {
    const std::vector<uint8_t> blocks = read<uint8_t>(name + ".blocks");
    const std::vector<float> values = read<float>(name + ".f32");
    ASSERT_EQ(values.size(), source.size());
    for (const std::string& isa : isa_names()) {
      Context ctx(isa, 2);
      std::vector<uint8_t> found(blocks.size());
      std::vector<float> back(values.size());
      ASSERT_EQ(he_convert(ctx, static_cast<int64_t>(source.size()), kF32, source.data(), type, found.data()), HE_OK);
      ASSERT_EQ(he_convert(ctx, static_cast<int64_t>(source.size()), type, blocks.data(), kF32, back.data()), HE_OK);
      EXPECT_EQ(blocks, found) << name << " " << isa;
      EXPECT_TRUE(same_bits(values, back)) << name << " " << isa;
    }
  }
}

TEST(Convert, EveryFloat16_SurvivesTheWayThroughFloat32) {
  std::vector<uint16_t> all(65536), back(65536);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  std::vector<float> wide(65536);
  for (const int32_t type : {kF16, kBf16}) {
    Context ctx;
    ASSERT_EQ(he_convert(ctx, 65536, type, all.data(), kF32, wide.data()), HE_OK);
    ASSERT_EQ(he_convert(ctx, 65536, kF32, wide.data(), type, back.data()), HE_OK);
    for (size_t i = 0; i < all.size(); ++i) {
      if (std::isnan(wide[i])) {
        EXPECT_TRUE((back[i] & 0x7FFF) > (type == kF16 ? 0x7C00 : 0x7F80)) << i;
      } else {
        ASSERT_EQ(all[i], back[i]);
      }
    }
  }
  // Values by their definition.
  ASSERT_EQ(he_convert(Context(), 65536, kF16, all.data(), kF32, wide.data()), HE_OK);
  for (int h = 0; h < 0x7C00; ++h) {
    const int exponent = h >> 10, mantissa = h & 1023;
    ASSERT_EQ(wide[static_cast<size_t>(h)], exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
  }
}

TEST(Convert, ToHalf_RoundsToTheNearestEven) {
  Random random;
  SCOPED_TRACE(random.seed());
  std::vector<float> x;
  for (int i = 0; i < 100000; ++i) x.push_back(std::bit_cast<float>(static_cast<uint32_t>(random.integer(0, UINT32_MAX))));
  for (int i = -3000; i < 3000; ++i) x.push_back(std::ldexp(static_cast<float>(i), -27));  // denormals of float16, ties among them
  for (const float v : {65504.0f, 65519.0f, 65520.0f, 65536.0f, 0.0f, -0.0f, INFINITY, -INFINITY}) x.push_back(v);
  const int64_t n = static_cast<int64_t>(x.size());
  std::vector<uint16_t> half(x.size());
  std::vector<float> back(x.size());
  Context ctx;
  ASSERT_EQ(he_convert(ctx, n, kF32, x.data(), kF16, half.data()), HE_OK);
  ASSERT_EQ(he_convert(ctx, n, kF16, half.data(), kF32, back.data()), HE_OK);
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i])) {
      EXPECT_TRUE(std::isnan(back[i]));
      continue;
    }
    // In double: the multiple of the spacing at |x| that is nearest (nearbyint: to even), infinity beyond 65520.
    int exponent = 0;
    std::frexp(x[i], &exponent);
    const double spacing = std::ldexp(1.0, std::max(exponent - 11, -24));
    const double expected =
        std::isinf(x[i]) || std::abs(x[i]) >= 65520.0 ? std::copysign(INFINITY, x[i]) : std::nearbyint(x[i] / spacing) * spacing;
    ASSERT_EQ(expected, back[i]) << x[i];
    ASSERT_EQ(std::signbit(x[i]), std::signbit(back[i])) << x[i];
  }
}

TEST(Convert, InfinityAndNanInABlock_DoNotCrash) {
  std::vector<float> x(64, 1.0f);
  x[3] = NAN;
  x[40] = INFINITY;
  x[41] = -1e-42f;
  std::vector<uint8_t> blocks(2 * 34);
  for (const std::string& isa : isa_names())
    for (const int32_t type : {kQ8, kQ40, kQ41}) EXPECT_EQ(he_convert(Context(isa), 64, kF32, x.data(), type, blocks.data()), HE_OK);
  std::fill(x.begin(), x.end(), 1e-44f);  // 1/d is infinite
  for (const int32_t type : {kQ8, kQ40, kQ41}) EXPECT_EQ(he_convert(Context(), 64, kF32, x.data(), type, blocks.data()), HE_OK);
}

TEST(Convert, UnknownTypeOrBrokenBlock_IsRefused) {
  std::vector<float> x(64);
  EXPECT_EQ(he_convert(Context(), 33, kF32, x.data(), kQ8, x.data()), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_convert(Context(), 32, 4, x.data(), kF32, x.data()), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_convert(Context(), 32, kF32, nullptr, kF16, x.data()), HE_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace he
