#include "cuda/tests/attention_testing.h"

namespace he {
namespace {

using namespace he::testing;

std::string name(const AttentionCase& c) {
  return std::to_string(c.query_heads) + "/" + std::to_string(c.key_heads) + " heads of " + std::to_string(c.head_size) + ", window " + std::to_string(c.window) + ", cap " +
         std::to_string(c.soft_cap) + (c.causal ? ", causal" : "") + (c.alibi ? ", alibi" : "");
}

TEST(CudaAttention, EveryMaskAndHeadSize_AgreesWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : attention_cases()) {
    SCOPED_TRACE(name(c));
    const FusedAttention d = make_fused(c, random);
    const AttentionOutput o = run_packed(c, d);
    const AttentionExpected e = plain_attention(c, d);
    EXPECT_TRUE(within(e.y, rounding_bound(e), o.y));
    EXPECT_TRUE(near(e.lse, o.log_sum_exp, 4e-6, 1e-5));
  }
}

TEST(CudaAttention, PagedInAnySteps_GivesTheBitsOfThePackedForm) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : attention_cases()) {
    if (!c.causal) continue;  // without a causal mask early steps would not see what the packed form sees
    SCOPED_TRACE(name(c));
    const FusedAttention d = make_fused(c, random);
    const std::vector<float> packed = run_packed(c, d).y;
    EXPECT_TRUE(same_bits(packed, run_paged(c, d, 16, {1000}, false, random)));
    EXPECT_TRUE(same_bits(packed, run_paged(c, d, 64, {50, 3, 1000}, false, random)));
    const int rest = *std::max_element(c.lengths.begin(), c.lengths.end()) - 5;
    EXPECT_TRUE(same_bits(packed, run_paged(c, d, 32, {rest, 1}, false, random)));
  }
}

TEST(CudaAttention, SplitOverTheSequence_GivesTheBitsOfThePackedForm) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : attention_cases()) {
    SCOPED_TRACE(name(c));
    const FusedAttention d = make_fused(c, random);
    const std::vector<float> packed = run_packed(c, d).y;
    const int rest = *std::max_element(c.lengths.begin(), c.lengths.end()) - 4;
    EXPECT_TRUE(same_bits(packed, run_paged(c, d, 16, c.causal ? std::vector<int>{rest, 1, 1, 2} : std::vector<int>{1000}, true, random)));
  }
}

TEST(CudaAttention, SequenceAloneAndAnyOrderOfThreads_SameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  const AttentionCase c{4, 2, 64, {70, 9}, true, 0, 4.0f, true};
  const FusedAttention d = make_fused(c, random);
  const std::vector<float> all = run_packed(c, d).y;
  for (const Options& options : orders(random.seed())) EXPECT_TRUE(same_bits(all, run_packed(c, d, options).y));
  for (size_t s = 0; s < c.lengths.size(); ++s) {
    AttentionCase alone = c;
    alone.lengths = {c.lengths[s]};
    const auto from = [&](int i, int64_t width) { return static_cast<ptrdiff_t>(d.offsets[s + static_cast<size_t>(i)]) * width; };
    FusedAttention one;
    one.tokens = c.lengths[s], one.offsets = {0, c.lengths[s]}, one.alibi = d.alibi;
    one.qkv.assign(d.qkv.begin() + from(0, row(c)), d.qkv.begin() + from(1, row(c)));
    const int64_t width = c.query_heads * c.head_size;
    EXPECT_TRUE(same_bits(std::vector<float>(all.begin() + from(0, width), all.begin() + from(1, width)), run_packed(alone, one).y));
  }
}

TEST(CudaAttention, NanInAnotherSequence_ChangesNothing) {
  Random random;
  SCOPED_TRACE(random.seed());
  const AttentionCase c{2, 1, 64, {33, 40}};
  FusedAttention d = make_fused(c, random);
  const std::vector<float> clean = run_packed(c, d).y;
  for (size_t i = static_cast<size_t>(33 * row(c)); i < d.qkv.size(); ++i) d.qkv[i] = {0x7fff};
  const std::vector<float> o = run_packed(c, d).y;
  const ptrdiff_t first = 33 * c.query_heads * c.head_size;
  EXPECT_TRUE(same_bits(std::vector<float>(clean.begin(), clean.begin() + first), std::vector<float>(o.begin(), o.begin() + first)));
  for (size_t i = static_cast<size_t>(first); i < o.size(); ++i) ASSERT_TRUE(std::isnan(o[i])) << i;
}

}  // namespace
}  // namespace he
