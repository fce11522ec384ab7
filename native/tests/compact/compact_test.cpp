// A compact weight against the same weight in float32: the same bits, on every instruction set.
#include "tests/packed.h"
#include "tests/testing.h"

namespace he {
namespace {

using namespace he::testing;

constexpr int32_t kF32 = 0, kBf16 = 1, kF16 = 2, kQ8 = 7, kQ40 = 8, kQ41 = 9;
const int32_t kTypes[] = {kBf16, kF16, kQ8, kQ40, kQ41};

int64_t block_bytes(int32_t type) { return type == kQ8 ? 34 : type == kQ40 ? 18 : type == kQ41 ? 20 : 64; }

// Rows of a type as a file has them, and their values.
struct Stored {
  Stored(int32_t type, int64_t outputs, int64_t inputs, Random& random) : type(type), outputs(outputs), inputs(inputs) {
    const std::vector<float> source = random.normals(outputs * inputs, 0.7f);
    Context c;
    bytes.resize(static_cast<size_t>(outputs * inputs / 32 * block_bytes(type)));
    values.resize(source.size());
    EXPECT_EQ(he_convert(c, outputs * inputs, kF32, source.data(), type, bytes.data()), HE_OK);
    EXPECT_EQ(he_convert(c, outputs * inputs, type, bytes.data(), kF32, values.data()), HE_OK);
  }
  std::vector<uint8_t> packed(he_context* c) const {
    std::vector<uint8_t> p(static_cast<size_t>(he_compact_length(type, outputs, inputs)), 0xAB);
    EXPECT_EQ(he_compact_pack(c, type, bytes.data(), outputs, inputs, p.data()), HE_OK);
    return p;
  }
  int32_t type;
  int64_t outputs, inputs;
  std::vector<uint8_t> bytes;
  std::vector<float> values;
};

struct Sizes {
  int64_t rows, inputs, outputs;
};
// Edges of tiles (1, 2, 4, 6 and many rows), panels of 32 and groups of four of them, chunks of 256.
const Sizes kSizes[] = {{1, 32, 1},   {1, 288, 129}, {2, 256, 64}, {3, 320, 47}, {4, 64, 130}, {5, 544, 33},
                        {6, 96, 257}, {7, 288, 65},  {13, 640, 31}, {40, 64, 96}, {150, 800, 70}};

class Compact : public ::testing::TestWithParam<std::tuple<int32_t, Sizes>> {};
INSTANTIATE_TEST_SUITE_P(Sizes, Compact, ::testing::Combine(::testing::ValuesIn(kTypes), ::testing::ValuesIn(kSizes)), [](const auto& p) {
  const Sizes s = std::get<1>(p.param);
  return "type" + std::to_string(std::get<0>(p.param)) + "_" + std::to_string(s.rows) + "x" + std::to_string(s.inputs) + "x" + std::to_string(s.outputs);
});

TEST_P(Compact, Unpack_IsWhatTheFileSays) {
  Random random;
  const auto [type, s] = GetParam();
  const Stored w(type, s.outputs, s.inputs, random);
  for (const std::string& isa : isa_names()) {
    Context c(isa, 2);
    const std::vector<uint8_t> packed = w.packed(c);
    std::vector<float> back(w.values.size());
    ASSERT_EQ(he_compact_unpack(c, type, packed.data(), s.outputs, s.inputs, back.data(), s.inputs), HE_OK);
    EXPECT_TRUE(same_bits(w.values, back)) << isa << " seed " << random.seed();
  }
}

TEST_P(Compact, Linear_HasTheBitsOfFloat32) {
  Random random;
  const auto [type, s] = GetParam();
  const Stored w(type, s.outputs, s.inputs, random);
  const int64_t x_stride = s.inputs + 3, y_stride = s.outputs + 5;
  const std::vector<float> x = random.normals(s.rows * x_stride), bias = random.normals(s.outputs), y0 = random.normals(s.rows * y_stride);
  for (const bool more : {false, true}) {
    Context plain("", 1);
    std::vector<float> expected = y0;
    const std::vector<float> wide = pack(plain, w.values, s.outputs, s.inputs);
    ASSERT_EQ(he_linear_forward(plain, x.data(), x_stride, s.rows, s.inputs, wide.data(), s.outputs, more ? bias.data() : nullptr, expected.data(), y_stride, more), HE_OK);
    for (const std::string& isa : isa_names())
      for (const int threads : {1, 3}) {
        Context c(isa, threads);
        const std::vector<uint8_t> packed = w.packed(c);
        std::vector<float> y = y0;
        ASSERT_EQ(he_compact_linear(c, type, x.data(), x_stride, s.rows, s.inputs, packed.data(), s.outputs, more ? bias.data() : nullptr, y.data(), y_stride, more), HE_OK);
        EXPECT_TRUE(same_bits(expected, y)) << isa << " threads " << threads << " seed " << random.seed();
      }
  }
}

TEST_P(Compact, HeadAndEmbedding_HaveTheBitsOfFloat32) {
  Random random;
  const auto [type, s] = GetParam();
  const Stored w(type, s.outputs, s.inputs, random);
  const std::vector<float> x = random.normals(s.rows * s.inputs);
  std::vector<int32_t> ids(static_cast<size_t>(s.rows));
  for (int32_t& id : ids) id = static_cast<int32_t>(random.integer(-1, s.outputs));  // one beyond either end: no target, clamped
  for (const std::string& isa : isa_names()) {
    Context c(isa, 2);
    const std::vector<uint8_t> packed = w.packed(c);
    const std::vector<float> wide = pack(c, w.values, s.outputs, s.inputs);
    const size_t n = static_cast<size_t>(s.rows);
    std::vector<float> a(3 * n), b(3 * n);
    ASSERT_EQ(he_log_probs(c, x.data(), s.inputs, s.rows, s.inputs, wide.data(), s.outputs, nullptr, ids.data(), 0.7f, 3, a.data(), a.data() + n, a.data() + 2 * n), HE_OK);
    ASSERT_EQ(he_compact_log_probs(c, type, x.data(), s.inputs, s.rows, s.inputs, packed.data(), s.outputs, nullptr, ids.data(), 0.7f, 3, b.data(), b.data() + n, b.data() + 2 * n), HE_OK);
    EXPECT_TRUE(same_bits(a, b)) << isa;
    std::vector<float> e(static_cast<size_t>(s.rows * s.inputs), 1.0f), f = e;
    for (const int accumulate : {0, 1}) {
      ASSERT_EQ(he_embed(c, ids.data(), s.rows, wide.data(), s.outputs, s.inputs, 1.5f, 1, e.data(), s.inputs, accumulate), HE_OK);
      ASSERT_EQ(he_compact_embed(c, type, ids.data(), s.rows, packed.data(), s.outputs, s.inputs, 1.5f, 1, f.data(), s.inputs, accumulate), HE_OK);
      EXPECT_TRUE(same_bits(e, f)) << isa;
    }
    std::vector<float> y(static_cast<size_t>(s.rows * s.outputs)), z = y;
    ASSERT_EQ(he_logits(c, x.data(), s.inputs, s.rows, s.inputs, wide.data(), s.outputs, nullptr, 2, y.data(), s.outputs), HE_OK);
    ASSERT_EQ(he_compact_logits(c, type, x.data(), s.inputs, s.rows, s.inputs, packed.data(), s.outputs, nullptr, 2, z.data(), s.outputs), HE_OK);
    EXPECT_TRUE(same_bits(y, z)) << isa;
  }
}

TEST(CompactErrors, UnknownTypeOrUnfitInputs_AreRefused) {
  Context c;
  EXPECT_EQ(he_compact_length(5, 32, 32), -1);
  EXPECT_EQ(he_compact_length(kQ8, 32, 33), -1);
  EXPECT_EQ(he_compact_length(kQ8, 33, 64), 64 * 2 * 34);
  float y;
  EXPECT_EQ(he_compact_linear(c, 5, &y, 1, 1, 32, &y, 1, nullptr, &y, 1, 0), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_compact_linear(c, kQ8, &y, 1, 1, 31, &y, 1, nullptr, &y, 1, 0), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_compact_embed(c, kQ8, nullptr, 1, &y, 0, 32, 1, 0, &y, 32, 0), HE_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace he
