#include "tests/attention/attention_testing.h"

namespace he {
namespace {

using namespace he::testing;

std::string name(const AttentionCase& c) {
  return std::to_string(c.query_heads) + "/" + std::to_string(c.key_heads) + " heads of " + std::to_string(c.head_size) + ", window " +
         std::to_string(c.window) + ", cap " + std::to_string(c.soft_cap) + (c.causal ? ", causal" : "") + (c.alibi ? ", alibi" : "");
}

TEST(Attention, EveryMask_AgreesWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : attention_cases()) {
    SCOPED_TRACE(name(c));
    const AttentionData d = make_attention(c, random);
    Context ctx;
    const AttentionOutput o = run_attention(ctx, c, d);
    const AttentionExpected e = plain_attention(c, d);
    EXPECT_TRUE(near(e.y, o.y, 0, 1e-5));
    EXPECT_TRUE(near(e.lse, o.lse, 2e-6, 4e-6));
    EXPECT_TRUE(near(e.dq, o.dq, 1e-5, 5e-5));
    EXPECT_TRUE(near(e.dk, o.dk, 1e-5, 5e-5));
    EXPECT_TRUE(near(e.dv, o.dv, 1e-5, 5e-5));
  }
}

TEST(Attention, EveryIsaAndThreadCount_GivesTheSameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : attention_cases()) {
    SCOPED_TRACE(name(c));
    const AttentionData d = make_attention(c, random);
    Context scalar("scalar", 1);
    const AttentionOutput expected = run_attention(scalar, c, d);
    for (const std::string& isa : isa_names()) {
      for (const int threads : {1, 3}) {
        Context ctx(isa, threads);
        const AttentionOutput o = run_attention(ctx, c, d);
        EXPECT_TRUE(same_bits(expected.y, o.y)) << isa;
        EXPECT_TRUE(same_bits(expected.lse, o.lse)) << isa;
        EXPECT_TRUE(same_bits(expected.dq, o.dq)) << isa;
        EXPECT_TRUE(same_bits(expected.dk, o.dk)) << isa;
        EXPECT_TRUE(same_bits(expected.dv, o.dv)) << isa;
      }
    }
  }
}

TEST(Attention, SequenceAlone_GivesTheBitsOfTheBatch) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : attention_cases()) {
    SCOPED_TRACE(name(c));
    const AttentionData d = make_attention(c, random);
    Context ctx;
    const AttentionOutput all = run_attention(ctx, c, d);
    for (size_t s = 0; s < c.lengths.size(); ++s) {
      AttentionCase alone = c;
      alone.lengths = {c.lengths[s]};
      const auto part = [&](const std::vector<float>& x, int64_t width) {
        return std::vector<float>(x.begin() + d.offsets[s] * width, x.begin() + d.offsets[s + 1] * width);
      };
      const int64_t qs = c.query_heads * c.head_size, ks = c.key_heads * c.head_size;
      AttentionData one{c.lengths[s], {0, c.lengths[s]}, part(d.q, qs), part(d.k, ks), part(d.v, ks), part(d.dy, qs), d.alibi};
      const AttentionOutput o = run_attention(ctx, alone, one);
      EXPECT_TRUE(same_bits(part(all.y, qs), o.y));
      EXPECT_TRUE(same_bits(part(all.dq, qs), o.dq));
      EXPECT_TRUE(same_bits(part(all.dk, ks), o.dk));
      EXPECT_TRUE(same_bits(part(all.dv, ks), o.dv));
    }
  }
}

TEST(PagedAttention, AnyChunking_GivesTheBitsOfThePackedForm) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : attention_cases()) {
    if (!c.causal) continue;  // without a causal mask early chunks would not see what the packed form sees
    SCOPED_TRACE(name(c));
    const AttentionData d = make_attention(c, random);
    Context ctx;
    const AttentionOutput packed = run_attention(ctx, c, d, false);
    for (const int64_t block_size : {16, 32, 64, 128})
      for (const std::vector<int>& steps : {std::vector<int>{1000}, {1}, {7}, {64}, {40, 1, 1, 33, 5}})
        EXPECT_TRUE(same_bits(packed.y, PagedCache(ctx, c, block_size, random).attend(d, steps)))
            << "block size " << block_size << ", first step " << steps[0];
    for (const std::string& isa : isa_names()) {
      Context other(isa, 3);
      EXPECT_TRUE(same_bits(packed.y, PagedCache(other, c, 16, random).attend(d, {50, 1}))) << isa;
    }
  }
}

TEST(PagedAttention, WholeContextWithoutCausalMask_GivesTheBitsOfThePackedForm) {
  Random random;
  SCOPED_TRACE(random.seed());
  const AttentionCase c{4, 2, 24, {77, 140, 5}, false};
  const AttentionData d = make_attention(c, random);
  Context ctx;
  EXPECT_TRUE(same_bits(run_attention(ctx, c, d, false).y, PagedCache(ctx, c, 32, random).attend(d, {1000})));
}

// bf16 by the definition: the nearest float32 whose lower sixteen bits are zero, of two the even one. Here by arithmetic, not by bits.
float nearest_bf16(float x) {
  int exponent = 0;
  const double mantissa = std::frexp(static_cast<double>(x), &exponent);
  return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(mantissa, 8)), exponent - 8));
}

TEST(Attention, KeysAndValuesThroughBf16_GiveTheBitsOfRoundedInputs) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : attention_cases()) {
    SCOPED_TRACE(name(c));
    const AttentionData d = make_attention(c, random);
    AttentionData rounded = d;
    for (float& x : rounded.k) x = nearest_bf16(x);
    for (float& x : rounded.v) x = nearest_bf16(x);
    for (const std::string& isa : isa_names()) {
      Context ctx(isa, 2);
      const AttentionOutput expected = run_attention(ctx, c, rounded), o = run_attention(ctx, c, d, true, 1);
      EXPECT_TRUE(same_bits(expected.y, o.y)) << isa;
      EXPECT_TRUE(same_bits(expected.lse, o.lse)) << isa;
      EXPECT_TRUE(same_bits(expected.dq, o.dq)) << isa;
      EXPECT_TRUE(same_bits(expected.dk, o.dk)) << isa;
      EXPECT_TRUE(same_bits(expected.dv, o.dv)) << isa;
    }
  }
}

TEST(PagedAttention, Bf16Cache_GivesTheBitsOfThePackedFormThroughBf16) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : attention_cases()) {
    if (!c.causal) continue;
    SCOPED_TRACE(name(c));
    const AttentionData d = make_attention(c, random);
    Context ctx;
    const AttentionOutput packed = run_attention(ctx, c, d, false, 1);
    for (const std::vector<int>& steps : {std::vector<int>{1000}, {1}, {40, 1, 1, 33, 5}})
      EXPECT_TRUE(same_bits(packed.y, PagedCache(ctx, c, 32, random, 1).attend(d, steps))) << "first step " << steps[0];
    for (const std::string& isa : isa_names()) {
      Context other(isa, 3);
      EXPECT_TRUE(same_bits(packed.y, PagedCache(other, c, 16, random, 1).attend(d, {50, 1}))) << isa;
    }
  }
}

// Each head of each token: x = scale q, scale = max |x| / 127.
void quantize_heads(std::vector<float>& x, int64_t size) {
  for (size_t begin = 0; begin < x.size(); begin += static_cast<size_t>(size)) {
    float top = 0;
    for (int64_t i = 0; i < size; ++i) top = std::max(top, std::abs(x[begin + static_cast<size_t>(i)]));
    const float scale = top / 127.0f;
    for (int64_t i = 0; i < size; ++i) {
      float& v = x[begin + static_cast<size_t>(i)];
      v = scale == 0 ? 0 : static_cast<float>(std::lrint(v / scale)) * scale;
    }
  }
}

TEST(PagedAttention, Int8Cache_GivesTheBitsOfQuantizedInputs) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : attention_cases()) {
    if (!c.causal) continue;
    SCOPED_TRACE(name(c));
    AttentionData d = make_attention(c, random);
    std::fill_n(d.k.begin() + c.head_size, c.head_size, 0.0f);  // a head of zeros: scale 0
    AttentionData quantized = d;
    quantize_heads(quantized.k, c.head_size);
    quantize_heads(quantized.v, c.head_size);
    Context ctx;
    const AttentionOutput packed = run_attention(ctx, c, quantized, false);
    for (const std::vector<int>& steps : {std::vector<int>{1000}, {1}, {40, 1, 1, 33, 5}})
      EXPECT_TRUE(same_bits(packed.y, PagedCache(ctx, c, 32, random, 6).attend(d, steps))) << "first step " << steps[0];
    for (const std::string& isa : isa_names()) {
      Context other(isa, 3);
      EXPECT_TRUE(same_bits(packed.y, PagedCache(other, c, 16, random, 6).attend(d, {50, 1}))) << isa;
    }
  }
}

TEST(KvWrite, Int8RowThatIsNotFinite_SpoilsThatPositionOnly) {
  Random random;
  const AttentionCase c{2, 1, 16, {40}};
  AttentionData d = make_attention(c, random);
  Context ctx;
  const std::vector<float> clean = PagedCache(ctx, c, 16, random, 6).attend(d, {1});
  d.k[21 * 16 + 3] = INFINITY;
  d.v[30 * 16 + 5] = NAN;
  const std::vector<float> y = PagedCache(ctx, c, 16, random, 6).attend(d, {1});
  for (int64_t i = 0; i < 40 * 2 * 16; ++i) {
    if (i < 21 * 2 * 16) {
      EXPECT_EQ(clean[i], y[i]) << i;
    } else {
      EXPECT_TRUE(std::isnan(y[i])) << i;
    }
  }
}

TEST(Attention, NanInAFutureKeyOrValue_DoesNotReachEarlierQueries) {
  Random random;
  SCOPED_TRACE(random.seed());
  const AttentionCase c{2, 1, 16, {40}};
  AttentionData d = make_attention(c, random);
  Context ctx;
  const AttentionOutput clean = run_attention(ctx, c, d, false);
  d.k[21 * 16 + 3] = NAN;
  d.v[21 * 16 + 5] = INFINITY;
  const AttentionOutput o = run_attention(ctx, c, d, false);
  for (int64_t i = 0; i < 40 * 2 * 16; ++i) {
    if (i < 21 * 2 * 16) {
      EXPECT_EQ(clean.y[i], o.y[i]) << i;
    } else {
      EXPECT_TRUE(std::isnan(o.y[i])) << i;
    }
  }
}

TEST(Attention, GreatScores_DoNotOverflow) {
  const AttentionCase c{1, 1, 16, {3}};
  AttentionData d;
  d.tokens = 3;
  d.offsets = {0, 3};
  d.q.assign(48, 100.0f);
  d.k.assign(48, 100.0f);
  d.v.assign(48, 2.0f);
  for (int i = 0; i < 16; ++i) d.k[i] = -100.0f;
  Context ctx;
  const AttentionOutput o = run_attention(ctx, c, d, false);
  for (const float y : o.y) EXPECT_EQ(y, 2.0f);
}

TEST(KvCopy, CopiedBlock_AnswersAsItsSource) {
  Random random;
  const int64_t heads = 2, size = 24, blocks = 3, block = 16;
  Context ctx;
  int64_t key_bytes = 0, value_bytes = 0;
  ASSERT_EQ(he_kv_size(ctx, 0, blocks, block, heads, size, &key_bytes, &value_bytes), HE_OK);
  std::vector<float> keys(key_bytes / 4), values(value_bytes / 4);
  const std::vector<float> k = random.normals(block * heads * size), v = random.normals(block * heads * size),
                           q = random.normals(heads * size);
  std::vector<int32_t> slots(block);
  std::iota(slots.begin(), slots.end(), 0);
  slots[3] = -1;  // skipped
  ASSERT_EQ(he_kv_write(ctx, block, k.data(), heads * size, v.data(), heads * size, slots.data(), 0, keys.data(), values.data(), blocks, block,
                        heads, size),
            HE_OK);
  const int32_t source = 0, destination = 2, offsets[] = {0, 1}, context = 16;
  ASSERT_EQ(he_kv_copy_blocks(ctx, 1, &source, &destination, 0, keys.data(), values.data(), blocks, block, heads, size), HE_OK);
  std::vector<float> a(q.size()), b(q.size());
  for (const auto& [table, y] : {std::pair{&source, &a}, {&destination, &b}})
    ASSERT_EQ(he_paged_attention(ctx, 1, 1, offsets, &context, table, 1, 1, heads, heads, size, 1, 1, 0, 0, nullptr, q.data(), heads * size,
                                 0, keys.data(), values.data(), blocks, block, y->data(), heads * size),
              HE_OK);
  EXPECT_TRUE(same_bits(a, b));
  EXPECT_NE(a[0], 0);
}

TEST(Attention, WrongArguments_AreRefused) {
  std::vector<float> x(64);
  std::vector<int32_t> offsets = {0, 5}, table = {9}, context = {1}, slots = {16};
  Context ctx;
  const auto packed = [&](int64_t tokens, int64_t heads, int64_t key_heads) {
    return he_attention(ctx, tokens, 1, offsets.data(), heads, key_heads, 16, 1, 1, 0, 0, nullptr, x.data(), 16, x.data(), 16, x.data(), 16,
                        x.data(), 16, nullptr, 0, 0);
  };
  EXPECT_EQ(packed(4, 1, 1), HE_INVALID_ARGUMENT);  // offsets reach beyond the tokens
  EXPECT_EQ(packed(5, 3, 2), HE_INVALID_ARGUMENT);
  offsets = {0, 1};
  EXPECT_EQ(he_paged_attention(ctx, 1, 1, offsets.data(), context.data(), table.data(), 1, 1, 1, 1, 16, 1, 1, 0, 0, nullptr, x.data(), 16,
                               0, x.data(), x.data(), 1, 16, x.data(), 16),
            HE_INVALID_ARGUMENT);  // block 9 of 1
  EXPECT_EQ(he_kv_write(ctx, 1, x.data(), 16, x.data(), 16, slots.data(), 0, x.data(), x.data(), 1, 16, 1, 16), HE_INVALID_ARGUMENT);
  EXPECT_EQ(he_kv_write(ctx, 1, x.data(), 16, x.data(), 16, context.data(), 7, x.data(), x.data(), 1, 16, 1, 16), HE_INVALID_ARGUMENT);  // no such type
  EXPECT_EQ(he_kv_copy_blocks(ctx, 1, table.data(), table.data(), 0, x.data(), x.data(), 1, 16, 1, 16), HE_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace he
