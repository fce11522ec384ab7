#include "cuda/tests/linear_testing.h"

namespace he {
namespace {

using namespace he::testing;

enum class Kind { kForward, kInput, kWeight };

struct Product {
  Kind kind;
  int tile;
  void (*kernel)(cuda::ProductArguments<bf16>);
};

const Product kProducts[] = {{Kind::kForward, 64, cuda::product_bf16_forward_64}, {Kind::kForward, 128, cuda::product_bf16_forward_128}, {Kind::kInput, 64, cuda::product_bf16_input_64},
                             {Kind::kInput, 128, cuda::product_bf16_input_128},   {Kind::kWeight, 64, cuda::product_bf16_weight_64},     {Kind::kWeight, 128, cuda::product_bf16_weight_128}};

const Sizes kSizes[] = {{1, 1, 1}, {5, 9, 300}, {65, 70, 31}, {17, 129, 513}, {130, 3, 64}, {2, 24, 0}};

// a [rows, inner] and b [columns, inner], or their transposes where the kernel wants columns.
struct Inputs {
  std::vector<float> a, b;
};

std::vector<float> transposed(const std::vector<float>& x, int rows, int columns) {
  std::vector<float> r(x.size());
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) r[j * rows + i] = x[i * columns + j];
  return r;
}

std::vector<float> run(const Product& product, const Sizes& s, const Inputs& x, const Extras& extras = {}, const Options& options = {}) {
  const bool a_in_rows = product.kind != Kind::kWeight, b_in_rows = product.kind == Kind::kForward;
  const PaddedBf16 a = a_in_rows ? PaddedBf16(x.a, s.rows, s.inner) : PaddedBf16(transposed(x.a, s.rows, s.inner), s.inner, s.rows);
  const PaddedBf16 b = b_in_rows ? PaddedBf16(x.b, s.columns, s.inner) : PaddedBf16(transposed(x.b, s.columns, s.inner), s.inner, s.columns);
  const Results y(s, extras);
  const cuda::ProductArguments<bf16> p = {in(a.memory), in(b.memory), a.stride, b.stride, y.result, s.inner};
  emulator::launch("product", product.kernel, tiles(s, product.tile, product.tile), cuda::product_threads(product.tile), cuda::product_bf16_shared(product.tile, a_in_rows, b_in_rows), p, options);
  return y.y.values();
}

std::vector<float> few_rows(const Sizes& s, const Inputs& x, const Extras& extras = {}, const Options& options = {}) {
  const DeviceArray<float> a(x.a);
  const PaddedBf16 w(x.b, s.columns, s.inner);
  const Results y(s, extras);
  const cuda::FewRowsBf16Arguments p = {in(a), in(w.memory), s.inner, w.stride, y.result, s.inner};
  const emulator::Index grid = {static_cast<unsigned>((s.columns + cuda::kFewRowsColumns - 1) / cuda::kFewRowsColumns), static_cast<unsigned>((s.rows + cuda::kFewRows - 1) / cuda::kFewRows)};
  emulator::launch("few rows", cuda::product_bf16_few_rows, grid, cuda::kFewRowsWarps * 32, cuda::kFewRowsShared, p, options);
  return y.y.values();
}

struct Case {
  Sizes sizes;
  Inputs x;
  Extras extras;
  Operand a, b;

  Case(const Sizes& s, Random& random)
      : sizes(s), x{random.normals(static_cast<int64_t>(s.rows) * s.inner), random.normals(static_cast<int64_t>(s.columns) * s.inner)},
        extras{random.normals(s.columns), random.normals(static_cast<int64_t>(s.rows) * s.columns)},
        a([n = s.inner, v = rounded(x.a)](int o, int i) { return v[o * n + i]; }), b([n = s.inner, v = rounded(x.b)](int o, int i) { return v[o * n + i]; }) {}
};

TEST(CudaProductBf16, EveryTileAndFewRows_FollowTheDocumentedOrder) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Sizes& s : kSizes) {
    SCOPED_TRACE(s.inner);
    const Case c(s, random);
    const std::vector<float> plain = in_order(s, c.a, c.b), added = in_order(s, c.a, c.b, c.extras);
    EXPECT_TRUE(near_product(s, c.a, c.b, plain));
    for (const Product& product : kProducts) {
      SCOPED_TRACE(static_cast<int>(product.kind) * 1000 + product.tile);
      EXPECT_TRUE(same_bits(added, run(product, s, c.x, c.extras)));
    }
    EXPECT_TRUE(same_bits(plain, few_rows(s, c.x)));
    EXPECT_TRUE(same_bits(added, few_rows(s, c.x, c.extras)));
  }
}

TEST(CudaProductBf16, LongSums_OfSeveralRoundsOfWarps_FollowTheDocumentedOrder) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Sizes s = {3, 5, 8 * 256 + 300};
  const Case c(s, random);
  const std::vector<float> expected = in_order(s, c.a, c.b);
  EXPECT_TRUE(same_bits(expected, few_rows(s, c.x)));
  EXPECT_TRUE(same_bits(expected, run(kProducts[0], s, c.x)));
}

TEST(CudaProductBf16, AnyOrderOfThreads_SameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Sizes s = {19, 37, 290};
  const Case c(s, random);
  const std::vector<float> expected = in_order(s, c.a, c.b);
  for (const Options& options : orders(random.seed())) {
    for (const Product& product : kProducts) {
      if (product.tile == 64) { EXPECT_TRUE(same_bits(expected, run(product, s, c.x, {}, options))); }
    }
    EXPECT_TRUE(same_bits(expected, few_rows(s, c.x, {}, options)));
  }
}

TEST(CudaProductBf16, NotFiniteRow_SpoilsThatRowOnly) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Sizes s = {9, 20, 70};
  Case c(s, random);
  c.x.a[4 * s.inner + 69] = NAN;
  for (const std::vector<float>& y : {few_rows(s, c.x), run(kProducts[0], s, c.x), run(kProducts[1], s, c.x)})
    for (int i = 0; i < s.rows * s.columns; ++i) EXPECT_EQ(std::isfinite(y[i]), i / s.columns != 4) << i;
}

}  // namespace
}  // namespace he
