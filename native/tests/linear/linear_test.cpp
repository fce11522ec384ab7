// Products against plain double loops, and the promises of docs/numerics.md: the same bits on every instruction set, for any rows, tiles and threads.
#include <limits>

#include "tests/packed.h"
#include "tests/testing.h"

namespace he {
namespace {

using testing::at;
using testing::Context;
using testing::isa_names;
using testing::near;
using testing::pack;
using testing::Random;
using testing::same_bits;
using testing::unpack;

struct Sizes {
  int64_t rows, inputs, outputs;
};

// Edges of tiles (12, 6, 4 rows), panels (32), vectors (16), chunks (256) and of the tree (3, 5 chunks).
const Sizes kSizes[] = {{1, 1, 1},     {1, 5, 33},    {2, 17, 64},   {3, 255, 31},  {4, 256, 32},  {5, 257, 129}, {6, 300, 40},   {7, 64, 65},
                        {11, 513, 70}, {12, 640, 96}, {13, 100, 97}, {25, 1281, 45}, {64, 64, 64}, {131, 48, 200}, {300, 77, 161}, {530, 20, 35},
                        // The input gradient of few rows: whole panels of rows and panels with a ragged end, chunks of outputs, pieces that are packed at a time.
                        {32, 35, 256}, {27, 45, 517}, {62, 130, 70}, {125, 25, 300}};

// One problem: inputs, and the three products on a context. Rows lie apart by more than their width, so that strides are tested.
struct Problem {
  Problem(Sizes s, Random& random)
      : rows(s.rows), inputs(s.inputs), outputs(s.outputs), x_stride(inputs + 3), y_stride(outputs + 5), x(random.normals(rows * x_stride)),
        w(random.normals(outputs * inputs)), bias(random.normals(outputs)), dy(random.normals(rows * y_stride)), y0(random.normals(rows * y_stride)),
        dx0(random.normals(rows * x_stride)), dw0(random.normals(outputs * inputs)) {}

  std::vector<float> forward(he_context* c, bool with_bias, bool accumulate) const {
    std::vector<float> y = y0;
    const std::vector<float> packed = pack(c, w, outputs, inputs);
    EXPECT_EQ(he_linear_forward(c, x.data(), x_stride, rows, inputs, packed.data(), outputs, with_bias ? bias.data() : nullptr, y.data(), y_stride, accumulate), HE_OK);
    return y;
  }
  std::vector<float> backward_input(he_context* c, bool accumulate) const {
    std::vector<float> dx = dx0;
    const std::vector<float> packed = pack(c, w, outputs, inputs);
    EXPECT_EQ(he_linear_backward_input(c, dy.data(), y_stride, rows, outputs, packed.data(), inputs, dx.data(), x_stride, accumulate), HE_OK);
    return dx;
  }
  // dW (unpacked), then dbias.
  std::vector<float> backward_weight(he_context* c) const {
    std::vector<float> dw = pack(c, dw0, outputs, inputs), dbias = bias;
    EXPECT_EQ(he_linear_backward_weight(c, x.data(), x_stride, dy.data(), y_stride, rows, inputs, outputs, dw.data(), dbias.data()), HE_OK);
    // Padding is 0 and stays 0.
    for (int64_t o = outputs; o % 32 != 0; ++o)
      for (int64_t k = 0; k < inputs; ++k) EXPECT_EQ(dw[static_cast<size_t>(o / 32 * 32 * inputs + k * 32 + o % 32)], 0.0f);
    std::vector<float> all = unpack(c, dw, outputs, inputs);
    all.insert(all.end(), dbias.begin(), dbias.end());
    return all;
  }

  int64_t rows, inputs, outputs, x_stride, y_stride;
  std::vector<float> x, w, bias, dy, y0, dx0, dw0;
};

class Linear : public ::testing::TestWithParam<Sizes> {};
INSTANTIATE_TEST_SUITE_P(Sizes, Linear, ::testing::ValuesIn(kSizes), [](const auto& p) {
  return std::to_string(p.param.rows) + "x" + std::to_string(p.param.inputs) + "x" + std::to_string(p.param.outputs);
});

TEST_P(Linear, Pack_ThenUnpack_IsTheSame) {
  Random random;
  const Problem p(GetParam(), random);
  for (const std::string& isa : isa_names()) {
    Context c(isa, 2);
    const std::vector<float> packed = pack(c, p.w, p.outputs, p.inputs);
    for (int64_t o = 0; o < (p.outputs + 31) / 32 * 32; ++o)
      for (int64_t k = 0; k < p.inputs; ++k) {
        const float expected = o < p.outputs ? p.w[static_cast<size_t>(o * p.inputs + k)] : 0.0f;
        ASSERT_EQ(packed[static_cast<size_t>(o / 32 * 32 * p.inputs + k * 32 + o % 32)], expected) << isa << " o " << o << " k " << k;
      }
    EXPECT_TRUE(same_bits(p.w, unpack(c, packed, p.outputs, p.inputs))) << isa;
  }
}

// Roundings of a chain of 256 partial sums, each about sqrt(k), have a deviation of some 3e-7 sqrt(K); longer sums add chunks. The bound is 13 of them: a path of
// sums as far out as one in a million elements has doubles its roundings. That the order is the written one is Forward_HasTheBitsOfTheDefinition's.
TEST_P(Linear, Forward_AgreesWithDoubleSums) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  for (const std::string& isa : isa_names())
    for (const bool accumulate : {false, true}) {
      Context c(isa, 1);
      std::vector<double> expected(p.y0.begin(), p.y0.end());
      for (int64_t r = 0; r < p.rows; ++r)
        for (int64_t o = 0; o < p.outputs; ++o) {
          double sum = p.bias[static_cast<size_t>(o)] + (accumulate ? at(p.y0, p.y_stride, r, o) : 0.0);
          for (int64_t k = 0; k < p.inputs; ++k) sum += at(p.x, p.x_stride, r, k) * at(p.w, p.inputs, o, k);
          expected[static_cast<size_t>(r * p.y_stride + o)] = sum;
        }
      EXPECT_TRUE(near(expected, p.forward(c, true, accumulate), 1e-6, 4e-6 * std::sqrt(static_cast<double>(p.inputs)))) << isa;
    }
}

TEST_P(Linear, BackwardInput_AgreesWithDoubleSums) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  for (const std::string& isa : isa_names())
    for (const bool accumulate : {false, true}) {
      Context c(isa, 1);
      std::vector<double> expected(p.dx0.begin(), p.dx0.end());
      for (int64_t r = 0; r < p.rows; ++r)
        for (int64_t k = 0; k < p.inputs; ++k) {
          double sum = accumulate ? at(p.dx0, p.x_stride, r, k) : 0.0;
          for (int64_t o = 0; o < p.outputs; ++o) sum += at(p.dy, p.y_stride, r, o) * at(p.w, p.inputs, o, k);
          expected[static_cast<size_t>(r * p.x_stride + k)] = sum;
        }
      EXPECT_TRUE(near(expected, p.backward_input(c, accumulate), 1e-6, 4e-6 * std::sqrt(static_cast<double>(p.outputs)))) << isa;
    }
}

TEST_P(Linear, BackwardWeight_AddsToWhatIsThere) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  std::vector<double> expected(p.dw0.begin(), p.dw0.end());
  expected.insert(expected.end(), p.bias.begin(), p.bias.end());
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t o = 0; o < p.outputs; ++o) {
      for (int64_t k = 0; k < p.inputs; ++k) expected[static_cast<size_t>(o * p.inputs + k)] += at(p.dy, p.y_stride, r, o) * at(p.x, p.x_stride, r, k);
      expected[static_cast<size_t>(p.outputs * p.inputs + o)] += at(p.dy, p.y_stride, r, o);
    }
  for (const std::string& isa : isa_names()) {
    Context c(isa, 1);
    EXPECT_TRUE(near(expected, p.backward_weight(c), 1e-6, 4e-6 * std::sqrt(static_cast<double>(p.rows)))) << isa;
  }
}

// The definition of docs/numerics.md, one element at a time, by recursion over chunks.
float sum_of_chunks(const std::vector<float>& chunks) {
  if (chunks.size() == 1) return chunks[0];
  std::vector<float> next;
  for (size_t i = 0; i + 1 < chunks.size(); i += 2) next.push_back(chunks[i] + chunks[i + 1]);
  if (chunks.size() % 2 != 0) next.push_back(chunks.back());
  return sum_of_chunks(next);
}

float sum_by_definition(int64_t n, const float* a, int64_t a_step, const float* b, int64_t b_step) {
  std::vector<float> chunks;
  for (int64_t first = 0; first < n; first += 256) {
    float sum = 0;
    for (int64_t k = first; k < std::min(first + 256, n); ++k) sum = std::fma(a[k * a_step], b[k * b_step], sum);
    chunks.push_back(sum);
  }
  return sum_of_chunks(chunks);
}

TEST_P(Linear, Forward_HasTheBitsOfTheDefinition) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  std::vector<float> expected = p.y0;
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t o = 0; o < p.outputs; ++o) {
      float& y = expected[static_cast<size_t>(r * p.y_stride + o)];
      y = (sum_by_definition(p.inputs, &p.x[static_cast<size_t>(r * p.x_stride)], 1, &p.w[static_cast<size_t>(o * p.inputs)], 1) + p.bias[static_cast<size_t>(o)]) + y;
    }
  for (const std::string& isa : isa_names())
    for (const int threads : {1, 3}) {
      Context c(isa, threads);
      EXPECT_TRUE(same_bits(expected, p.forward(c, true, true))) << isa << ", " << threads << " threads";
    }
}

// Whatever way the number of rows chooses.
TEST_P(Linear, BackwardInput_HasTheBitsOfTheDefinition) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  std::vector<float> expected = p.dx0;
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t k = 0; k < p.inputs; ++k)
      expected[static_cast<size_t>(r * p.x_stride + k)] +=
          sum_by_definition(p.outputs, &p.dy[static_cast<size_t>(r * p.y_stride)], 1, &p.w[static_cast<size_t>(k)], p.inputs);
  for (const std::string& isa : isa_names())
    for (const int threads : {1, 3}) {
      Context c(isa, threads);
      EXPECT_TRUE(same_bits(expected, p.backward_input(c, true))) << isa << ", " << threads << " threads";
    }
}

TEST_P(Linear, EveryIsaAndThreadCount_GivesTheBitsOfScalar) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  Context scalar("scalar");
  const std::vector<float> y = p.forward(scalar, false, false), dx = p.backward_input(scalar, false), dw = p.backward_weight(scalar);
  for (const std::string& isa : isa_names())
    for (const int threads : {1, 2, 5}) {
      Context c(isa, threads);
      EXPECT_TRUE(same_bits(y, p.forward(c, false, false))) << isa << ", " << threads << " threads";
      EXPECT_TRUE(same_bits(dx, p.backward_input(c, false))) << isa << ", " << threads << " threads";
      EXPECT_TRUE(same_bits(dw, p.backward_weight(c))) << isa << ", " << threads << " threads";
    }
}

// Batch invariance: a row has the same bits alone, in any part of the batch, and in the whole.
TEST_P(Linear, Forward_RowsInAnyBatch_HaveTheSameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Problem p(GetParam(), random);
  Context c(isa_names().front(), 2);
  const std::vector<float> whole = p.forward(c, true, false), packed = pack(c, p.w, p.outputs, p.inputs);
  std::vector<float> parts = p.y0;
  for (int64_t row = 0; row < p.rows;) {
    const int64_t height = std::min(random.integer(1, 14), p.rows - row);
    ASSERT_EQ(he_linear_forward(c, p.x.data() + row * p.x_stride, p.x_stride, height, p.inputs, packed.data(), p.outputs, p.bias.data(),
                                parts.data() + row * p.y_stride, p.y_stride, 0), HE_OK);
    row += height;
  }
  EXPECT_TRUE(same_bits(whole, parts));
}

TEST(LinearEdges, NanAndInfinity_ReachTheirRowOnly) {
  Random random;
  const Problem base({20, 40, 50}, random);
  for (const std::string& isa : isa_names()) {
    Context c(isa, 1);
    const std::vector<float> clean = base.forward(c, false, false);
    Problem p = base;
    p.x[static_cast<size_t>(3 * p.x_stride + 7)] = std::numeric_limits<float>::quiet_NaN();
    p.x[static_cast<size_t>(5 * p.x_stride + 39)] = std::numeric_limits<float>::infinity();
    const std::vector<float> y = p.forward(c, false, false);
    for (int64_t r = 0; r < p.rows; ++r)
      for (int64_t o = 0; o < p.outputs; ++o) {
        const size_t i = static_cast<size_t>(r * p.y_stride + o);
        if (r == 3) {
          EXPECT_TRUE(std::isnan(y[i]));
        } else if (r == 5) {
          EXPECT_FALSE(std::isfinite(y[i]));
        } else {
          EXPECT_EQ(y[i], clean[i]);
        }
      }
  }
}

TEST(LinearEdges, NothingToDo_WritesNothing) {
  Context c(isa_names().front(), 2);
  float y = 3, w[64] = {};
  EXPECT_EQ(he_linear_forward(c, &y, 1, 0, 1, w, 1, nullptr, &y, 1, 0), HE_OK);
  EXPECT_EQ(he_linear_backward_weight(c, &y, 1, &y, 1, 0, 1, 1, w, nullptr), HE_OK);
  EXPECT_EQ(y, 3.0f);
  // No inputs: an empty sum.
  EXPECT_EQ(he_linear_forward(c, nullptr, 0, 1, 0, w, 1, nullptr, &y, 1, 0), HE_OK);
  EXPECT_EQ(y, 0.0f);
  EXPECT_EQ(he_linear_forward(c, nullptr, 0, -1, 0, w, 1, nullptr, &y, 1, 0), HE_INVALID_ARGUMENT);
}

TEST(MergeLora, OutOfPlaceAndInPlace_AgreeWithDoubleSums) {
  Random random;
  SCOPED_TRACE(random.seed());
  const int64_t outputs = 77, inputs = 45, rank = 9;
  const std::vector<float> w = random.normals(outputs * inputs), a = random.normals(rank * inputs), b = random.normals(outputs * rank);
  std::vector<double> expected(w.begin(), w.end());
  for (int64_t o = 0; o < outputs; ++o)
    for (int64_t k = 0; k < inputs; ++k)
      for (int64_t r = 0; r < rank; ++r) expected[static_cast<size_t>(o * inputs + k)] += 0.5 * at(b, rank, o, r) * at(a, inputs, r, k);
  std::vector<float> first;
  for (const std::string& isa : isa_names()) {
    Context c(isa, 2);
    std::vector<float> packed = pack(c, w, outputs, inputs), merged(packed.size());
    ASSERT_EQ(he_linear_merge_lora(c, packed.data(), outputs, inputs, a.data(), inputs, b.data(), rank, rank, 0.5f, merged.data()), HE_OK);
    ASSERT_EQ(he_linear_merge_lora(c, packed.data(), outputs, inputs, a.data(), inputs, b.data(), rank, rank, 0.5f, packed.data()), HE_OK);
    EXPECT_TRUE(same_bits(merged, packed)) << isa;
    EXPECT_TRUE(near(expected, unpack(c, merged, outputs, inputs), 1e-6, 1e-5)) << isa;
    if (first.empty()) first = merged;
    EXPECT_TRUE(same_bits(first, merged)) << isa;
  }
}

}  // namespace
}  // namespace he
