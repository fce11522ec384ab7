#include "tests/packed.h"
#include "tests/testing.h"

namespace he {
namespace {

using testing::Context;
using testing::isa_names;
using testing::pack;
using testing::Random;
using testing::same_bits;
using testing::unpack;

constexpr int64_t kVocabulary = 71, kWidth = 150, kTokens = 97, kStride = kWidth + 3;

std::vector<int32_t> some_ids(Random& random, int64_t count, int64_t n) {
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) id = static_cast<int32_t>(random.integer(0, n - 1));
  return ids;
}

TEST(Embedding, Embed_TakesScaledRows) {
  Random random;
  SCOPED_TRACE(random.seed());
  const std::vector<float> table = random.normals(kVocabulary * kWidth), before = random.normals(kTokens * kStride);
  const std::vector<int32_t> ids = some_ids(random, kTokens, kVocabulary - 2);
  for (const std::string& isa : isa_names())
    for (const bool accumulate : {false, true}) {
      Context c(isa, 3);
      const std::vector<float> packed = pack(c, table, kVocabulary, kWidth);
      std::vector<float> y = before, expected = before;
      ASSERT_EQ(he_embed(c, ids.data(), kTokens, packed.data(), kVocabulary, kWidth, 1.5f, 2, y.data(), kStride, accumulate), HE_OK);
      for (int64_t t = 0; t < kTokens; ++t)
        for (int64_t k = 0; k < kWidth; ++k) {
          float& e = expected[static_cast<size_t>(t * kStride + k)];
          e = 1.5f * table[static_cast<size_t>((ids[static_cast<size_t>(t)] + 2) * kWidth + k)] + (accumulate ? e : 0.0f);
        }
      EXPECT_TRUE(same_bits(expected, y)) << isa;
    }
}

TEST(Embedding, EmbedBackward_AddsInTheOrderOfTokens) {
  Random random;
  SCOPED_TRACE(random.seed());
  const std::vector<float> before = random.normals(kVocabulary * kWidth), dy = random.normals(kTokens * kStride);
  const std::vector<int32_t> ids = some_ids(random, kTokens, 5);  // many repeats: their order matters
  std::vector<float> expected = before;
  for (int64_t t = 0; t < kTokens; ++t)
    for (int64_t k = 0; k < kWidth; ++k)
      expected[static_cast<size_t>((ids[static_cast<size_t>(t)] + 1) * kWidth + k)] += 0.25f * dy[static_cast<size_t>(t * kStride + k)];
  for (const std::string& isa : isa_names())
    for (const int threads : {1, 3}) {
      Context c(isa, threads);
      std::vector<float> packed = pack(c, before, kVocabulary, kWidth);
      ASSERT_EQ(he_embed_backward(c, ids.data(), kTokens, dy.data(), kStride, packed.data(), kVocabulary, kWidth, 0.25f, 1), HE_OK);
      EXPECT_TRUE(same_bits(expected, unpack(c, packed, kVocabulary, kWidth))) << isa;
    }
}

TEST(Embedding, IdsOutside_AreClampedIntoTheTable) {
  Context c(isa_names().front());
  const std::vector<float> packed = pack(c, {1, 2, 3}, 3, 1);
  const std::vector<int32_t> ids = {-5, 3, INT32_MAX};
  std::vector<float> y(3);
  ASSERT_EQ(he_embed(c, ids.data(), 3, packed.data(), 3, 1, 1.0f, 2, y.data(), 1, 0), HE_OK);
  EXPECT_EQ(y, (std::vector<float>{1, 3, 3}));
  EXPECT_EQ(he_embed(c, ids.data(), 3, packed.data(), 0, 1, 1.0f, 0, y.data(), 1, 0), HE_INVALID_ARGUMENT);
}

TEST(Embedding, GatherAndScatter_AreEachOthersOrderedReverse) {
  Random random;
  SCOPED_TRACE(random.seed());
  const int64_t n = 13;
  const std::vector<float> x = random.normals(n * kStride), before = random.normals(n * kStride);
  const std::vector<int32_t> rows = some_ids(random, kTokens, n);
  Context c(isa_names().front(), 3);
  std::vector<float> gathered(static_cast<size_t>(kTokens * kStride)), scattered = before, expected_gather = gathered, expected_scatter = before;
  ASSERT_EQ(he_gather_rows(c, x.data(), kStride, n, rows.data(), kTokens, kWidth, gathered.data(), kStride), HE_OK);
  ASSERT_EQ(he_scatter_add_rows(c, gathered.data(), kStride, rows.data(), kTokens, kWidth, scattered.data(), kStride, n), HE_OK);
  for (int64_t i = 0; i < kTokens; ++i)
    for (int64_t k = 0; k < kWidth; ++k) {
      const float value = x[static_cast<size_t>(rows[static_cast<size_t>(i)] * kStride + k)];
      expected_gather[static_cast<size_t>(i * kStride + k)] = value;
      expected_scatter[static_cast<size_t>(rows[static_cast<size_t>(i)] * kStride + k)] += value;
    }
  EXPECT_TRUE(same_bits(expected_gather, gathered));
  EXPECT_TRUE(same_bits(expected_scatter, scattered));
}

}  // namespace
}  // namespace he
