#include "tests/testing.h"

namespace he {
namespace {

using namespace he::testing;

struct Case {
  int64_t tokens, heads, head_size, rotary;
};
const Case kCases[] = {{1, 1, 2, 2}, {5, 3, 24, 24}, {7, 2, 80, 32}, {40, 9, 64, 64}, {3, 1, 256, 250}};
constexpr int64_t kPositions = 50;

std::vector<float> table(int64_t rotary) {
  std::vector<float> t;
  for (int64_t p = 0; p < kPositions; ++p) {
    std::vector<float> sines;
    for (int64_t i = 0; i < rotary / 2; ++i) {
      const double angle = static_cast<double>(p) * std::pow(1e4, -2.0 * static_cast<double>(i) / static_cast<double>(rotary));
      t.push_back(static_cast<float>(std::cos(angle)));
      sines.push_back(static_cast<float>(std::sin(angle)));
    }
    t.insert(t.end(), sines.begin(), sines.end());
  }
  return t;
}

TEST(Rotary, BothLayouts_AgreeWithPlainLoopsOnEveryIsa) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : kCases) {
    const int64_t stride = c.heads * c.head_size + 5;  // rows may be strided
    const std::vector<float> x = random.normals(c.tokens * stride), t = table(c.rotary);
    std::vector<int32_t> positions;
    for (int64_t i = 0; i < c.tokens; ++i) positions.push_back(static_cast<int32_t>(random.integer(0, kPositions - 1)));
    for (const int interleaved : {0, 1}) {
      for (const int inverse : {0, 1}) {
        std::vector<double> expected(x.begin(), x.end());
        const int64_t half = c.rotary / 2;
        for (int64_t token = 0; token < c.tokens; ++token)
          for (int64_t h = 0; h < c.heads; ++h)
            for (int64_t i = 0; i < half; ++i) {
              const int64_t base = token * stride + h * c.head_size, first = base + (interleaved ? 2 * i : i),
                            second = base + (interleaved ? 2 * i + 1 : i + half);
              const double cosine = t[positions[token] * c.rotary + i],
                           sine = t[positions[token] * c.rotary + half + i] * (inverse ? -1 : 1);
              expected[first] = x[first] * cosine - x[second] * sine;
              expected[second] = x[second] * cosine + x[first] * sine;
            }
        std::vector<float> scalar;
        std::vector<std::string> names = isa_names();
        for (auto name = names.rbegin(); name != names.rend(); ++name) {
          std::vector<float> y = x;
          Context ctx(*name, 2);
          ASSERT_EQ(he_rotary(ctx, c.tokens, c.heads, c.head_size, y.data(), stride, c.head_size, positions.data(), t.data(), kPositions,
                              c.rotary, c.rotary, interleaved, inverse),
                    HE_OK);
          EXPECT_TRUE(near(expected, y, 1e-6, 1e-6)) << *name << " head size " << c.head_size;
          if (scalar.empty()) scalar = y;
          EXPECT_TRUE(same_bits(scalar, y)) << *name;
        }
      }
    }
  }
}

TEST(Rotary, PositionOutsideTheTable_StaysInsideTheMemory) {
  std::vector<float> x(8, 1.0f);
  const std::vector<float> t = table(4);
  const std::vector<int32_t> positions = {-7, 1 << 30};
  Context ctx;
  EXPECT_EQ(he_rotary(ctx, 2, 1, 4, x.data(), 4, 4, positions.data(), t.data(), kPositions, 4, 4, 0, 0), HE_OK);
}

TEST(Rotary, OddOrTooWide_IsRefused) {
  std::vector<float> x(8, 1.0f);
  const std::vector<float> t = table(4);
  const std::vector<int32_t> positions = {0};
  Context ctx;
  EXPECT_EQ(he_rotary(ctx, 1, 1, 4, x.data(), 4, 4, positions.data(), t.data(), kPositions, 4, 3, 0, 0), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_rotary(ctx, 1, 1, 4, x.data(), 4, 4, positions.data(), t.data(), kPositions, 4, 6, 0, 0), HE_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace he
