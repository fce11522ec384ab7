// Products with activations of 8 bits against a plain loop in the order of docs/numerics.md, on blocks read by their formats' own formulas: the same bits on every
// instruction set and engine.
#include "tests/testing.h"

namespace he {
namespace {

using namespace he::testing;

constexpr int32_t kQ8 = 7, kQ40 = 8, kQ41 = 9, kQ4K = 12, kQ6K = 14;

float half_at(const uint8_t* p) {
  Context c("scalar", 1);
  float x;
  EXPECT_EQ(he_convert(c, 1, 2, p, 0, &x), HE_OK);
  return x;
}

void put_half(uint8_t* p, float x) {
  Context c("scalar", 1);
  ASSERT_EQ(he_convert(c, 1, 0, &x, 2, p), HE_OK);
}

struct Format {
  int32_t type;
  int64_t values, bytes;
  std::vector<int64_t> factors;  // where the block's float16 numbers are
};
const Format kFormats[] = {{kQ8, 32, 34, {0}}, {kQ40, 32, 18, {0}}, {kQ41, 32, 20, {0, 2}}, {kQ4K, 256, 144, {0, 2}}, {kQ6K, 256, 210, {208}}};

// Inputs with one scale: value = number * d + m, number signed where the format has it so.
struct UnitOf {
  float d, m;
  bool minimum;
  std::vector<int> number;
};

// The units of a row of blocks.
std::vector<UnitOf> units(const Format& f, const uint8_t* row, int64_t inputs) {
  std::vector<UnitOf> all;
  for (int64_t block = 0; block < inputs / f.values; ++block) {
    const uint8_t* b = row + block * f.bytes;
    const float d = half_at(b + f.factors[0]), second = f.factors.size() > 1 ? half_at(b + f.factors[1]) : 0.0f;
    if (f.type == kQ8) {
      UnitOf u{d, 0, false, {}};
      for (int i = 0; i < 32; ++i) u.number.push_back(static_cast<int8_t>(b[2 + i]));
      all.push_back(u);
    } else if (f.type == kQ40 || f.type == kQ41) {
      UnitOf u{d, second, f.type == kQ41, {}};
      const uint8_t* n = b + (f.type == kQ40 ? 2 : 4);
      for (int i = 0; i < 32; ++i) u.number.push_back((i < 16 ? n[i] & 15 : n[i - 16] >> 4) - (f.type == kQ40 ? 8 : 0));
      all.push_back(u);
    } else if (f.type == kQ4K) {
      for (int part = 0; part < 8; ++part) {
        const uint8_t* s = b + 4;
        const int scale = part < 4 ? s[part] & 63 : (s[part + 4] & 15) | s[part - 4] >> 6 << 4;
        const int minimum = part < 4 ? s[part + 4] & 63 : s[part + 4] >> 4 | s[part] >> 6 << 4;
        UnitOf u{d * static_cast<float>(scale), -second * static_cast<float>(minimum), true, {}};
        for (int i = 0; i < 32; ++i) u.number.push_back(b[16 + part / 2 * 32 + i] >> part % 2 * 4 & 15);
        all.push_back(u);
      }
    } else {
      for (int part = 0; part < 16; ++part) {
        UnitOf u{d * static_cast<float>(static_cast<int8_t>(b[192 + part])), 0, false, {}};
        for (int i = 16 * part; i < 16 * part + 16; ++i) {
          const int half = i / 128, chunk = i % 128 / 32, at = i % 32;
          u.number.push_back(((b[64 * half + 32 * (chunk % 2) + at] >> 4 * (chunk / 2) & 15) | (b[128 + 32 * half + at] >> 2 * chunk & 3) << 4) - 32);
        }
        all.push_back(u);
      }
    }
  }
  return all;
}

// One output element in the written order.
float expected(const std::vector<UnitOf>& weights, const float* x) {
  float sum = 0;
  int64_t at = 0;
  for (const UnitOf& u : weights) {
    const float* block = x + at / 32 * 32;
    float greatest = 0;
    for (int i = 0; i < 32; ++i) greatest = std::max(greatest, std::fabs(block[i]));
    bool finite = true;
    for (int i = 0; i < 32; ++i) finite &= std::isfinite(block[i]);
    if (!finite) return std::nanf("");
    const bool nothing = greatest < 0x1p-120f;
    const float scale = nothing ? 0.0f : greatest / 127.0f, inverse = nothing ? 0.0f : 127.0f / greatest;
    int64_t product = 0, total = 0;
    for (size_t i = 0; i < u.number.size(); ++i) {
      const int q = static_cast<int>(std::nearbyint(x[at + static_cast<int64_t>(i)] * inverse));
      product += q * u.number[i];
      total += q;
    }
    const float both = u.d * scale;
    sum = std::fma(static_cast<float>(product), both, sum);
    const float scaled = scale * static_cast<float>(total);
    if (u.minimum) sum = std::fma(u.m, scaled, sum);
    at += static_cast<int64_t>(u.number.size());
  }
  return sum;
}

struct Sizes {
  int64_t rows, blocks, outputs;
};
// One row, the few that come from compact blocks, one more, blocks of rows that do not split evenly, panels and their edges; tiles of 16 rows and their edges.
const Sizes kSizes[] = {{1, 3, 1}, {2, 2, 33}, {4, 1, 64}, {5, 3, 40}, {8, 2, 97}, {13, 1, 31}, {16, 2, 64}, {37, 2, 70}, {6, 9, 33}};

std::vector<std::string> engines(const std::string& isa) {
  std::vector<std::string> names;
  std::stringstream list(available_engines(select_isa(isa)));
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

class Int8 : public ::testing::TestWithParam<std::tuple<int, Sizes>> {};
INSTANTIATE_TEST_SUITE_P(Sizes, Int8, ::testing::Combine(::testing::Range(0, 5), ::testing::ValuesIn(kSizes)), [](const auto& p) {
  const Sizes s = std::get<1>(p.param);
  return "type" + std::to_string(kFormats[std::get<0>(p.param)].type) + "_" + std::to_string(s.rows) + "x" + std::to_string(s.blocks) + "x" + std::to_string(s.outputs);
});

TEST_P(Int8, Linear_HasTheBitsOfTheDefinition) {
  Random random;
  const auto [format, s] = GetParam();
  const Format& f = kFormats[format];
  const int64_t inputs = s.blocks * f.values, row_bytes = s.blocks * f.bytes, x_stride = inputs + 3, y_stride = s.outputs + 5;
  std::vector<uint8_t> file(static_cast<size_t>(s.outputs * row_bytes));
  for (uint8_t& b : file) b = static_cast<uint8_t>(random.integer(0, 255));
  for (int64_t b = 0; b < s.outputs * s.blocks; ++b)
    for (const int64_t at : f.factors) put_half(file.data() + b * f.bytes + at, random.normal(0.02f));
  const std::vector<float> x = random.normals(s.rows * x_stride), bias = random.normals(s.outputs), y0 = random.normals(s.rows * y_stride);

  std::vector<float> wanted = y0;
  for (int64_t o = 0; o < s.outputs; ++o) {
    const std::vector<UnitOf> w = units(f, file.data() + o * row_bytes, inputs);
    for (int64_t r = 0; r < s.rows; ++r) {
      float& y = wanted[static_cast<size_t>(r * y_stride + o)];
      y = expected(w, x.data() + r * x_stride) + bias[static_cast<size_t>(o)] + y;
    }
  }
  for (const std::string& isa : isa_names())
    for (const std::string& engine : engines(isa))
      for (const int threads : {1, 2}) {
        Context c(isa, threads, engine);
        std::vector<uint8_t> w(static_cast<size_t>(he_compact_length(f.type, s.outputs, inputs)));
        ASSERT_EQ(he_compact_pack(c, f.type, file.data(), s.outputs, inputs, w.data()), HE_OK);
        std::vector<float> y = y0;
        ASSERT_EQ(he_int8_linear(c, f.type, x.data(), x_stride, s.rows, inputs, w.data(), s.outputs, bias.data(), y.data(), y_stride, 1), HE_OK);
        EXPECT_TRUE(same_bits(wanted, y)) << isa << " " << engine << " threads " << threads << " seed " << random.seed();
      }
}

// Blocks of zeros, blocks too small for a scale, values that are not finite: alone, and among the neighbours with which they are rounded.
TEST(Int8Values, Linear_SmallZeroOrUnfiniteBlocks_HasTheBitsOfTheDefinition) {
  Random random;
  const Format& f = kFormats[0];
  const int64_t rows = 14, blocks = 9, inputs = 32 * blocks, outputs = 33;
  std::vector<uint8_t> file(static_cast<size_t>(outputs * blocks * f.bytes));
  for (uint8_t& b : file) b = static_cast<uint8_t>(random.integer(0, 255));
  for (int64_t b = 0; b < outputs * blocks; ++b) put_half(file.data() + b * f.bytes, random.normal(0.02f));
  std::vector<float> x = random.normals(rows * inputs);
  auto fill = [&](int64_t row, int64_t block, auto value) {
    for (int i = 0; i < 32; ++i) x[static_cast<size_t>(row * inputs + block * 32 + i)] = value();
  };
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t block = random.integer(0, static_cast<int>(blocks) - 1);
    if (row % 4 == 0) fill(row, block, [] { return 0.0f; });
    if (row % 4 == 1) fill(row, block, [&] { return random.normal(1e-38f); });
    if (row % 4 == 2) x[static_cast<size_t>(row * inputs + block * 32 + random.integer(0, 31))] = row % 8 == 2 ? std::nanf("") : -INFINITY;
  }
  std::vector<float> wanted;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t o = 0; o < outputs; ++o) wanted.push_back(expected(units(f, file.data() + o * blocks * f.bytes, inputs), x.data() + r * inputs));
  for (const std::string& isa : isa_names())
    for (const std::string& engine : engines(isa)) {
      Context c(isa, 1, engine);
      std::vector<uint8_t> w(static_cast<size_t>(he_compact_length(f.type, outputs, inputs)));
      ASSERT_EQ(he_compact_pack(c, f.type, file.data(), outputs, inputs, w.data()), HE_OK);
      std::vector<float> y(wanted.size());
      ASSERT_EQ(he_int8_linear(c, f.type, x.data(), inputs, rows, inputs, w.data(), outputs, nullptr, y.data(), outputs, 0), HE_OK);
      for (size_t i = 0; i < y.size(); ++i)
        ASSERT_TRUE(std::isnan(wanted[i]) ? std::isnan(y[i]) : y[i] == wanted[i])
            << isa << " " << engine << " row " << i / static_cast<size_t>(outputs) << ": " << y[i] << ", expected " << wanted[i] << " seed " << random.seed();
    }
}

TEST(Int8Errors, SixteenBitOrUnfitWeights_AreRefused) {
  Context c;
  float y = 0;
  EXPECT_EQ(he_int8_linear(c, 1, &y, 32, 1, 32, &y, 1, nullptr, &y, 1, 0), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_int8_linear(c, kQ6K, &y, 32, 1, 32, &y, 1, nullptr, &y, 1, 0), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_int8_linear(c, kQ8, &y, 32, -1, 32, &y, 1, nullptr, &y, 1, 0), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_int8_logits(c, kQ8, &y, 32, 1, 33, &y, 1, nullptr, 0, &y, 1), HE_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace he
