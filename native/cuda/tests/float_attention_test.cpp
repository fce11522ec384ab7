// Float32 attention and its gradients: plain loops in float64, the packed form against the paged ones bit by bit, every type of cache.
#include <algorithm>
#include <numeric>

#include "cuda/attention/float_attention.h"
#include "cuda/tests/cuda_testing.h"
#include "tests/attention/attention_case.h"

namespace he {
namespace {

using namespace he::testing;
using cuda::FloatAttentionArguments;

const AttentionCase kCases[] = {{2, 1, 1, {1, 3}},          {3, 3, 15, {3, 17}},           {6, 2, 33, {70, 5}},  {2, 1, 64, {7, 129}, true, 20}, {2, 2, 80, {40, 33}, true, 0, 5.0f},
                                {4, 1, 16, {300, 9}, true, 0, 0, true}, {3, 1, 130, {50}, false, 7},  {2, 1, 256, {37}, false}, {9, 3, 24, {45}, true, 10, 3.0f, true}, {1, 1, 8, {590}, true, 270}};

std::string name(const AttentionCase& c) { return std::to_string(c.query_heads) + " heads of " + std::to_string(c.head_size) + ", window " + std::to_string(c.window); }

int width_of(const AttentionCase& c) { return c.head_size > 128 ? 256 : c.head_size > 64 ? 128 : c.head_size > 32 ? 64 : 32; }

struct Kernels {
  void (*packed)(FloatAttentionArguments);
  void (*paged)(FloatAttentionArguments);
  void (*split)(FloatAttentionArguments);
  void (*dq)(cuda::FloatAttentionBackwardArguments);
  void (*dkv)(cuda::FloatAttentionBackwardArguments);
};

Kernels kernels_of(int width) {
  using namespace he::cuda;
#define HE_KERNELS_OF(W) \
  if (width == W) return {attention_packed_f32_##W, attention_paged_f32_##W, attention_split_f32_##W, attention_backward_dq_f32_##W, attention_backward_dkv_f32_##W};
  HE_KERNELS_OF(32)
  HE_KERNELS_OF(64)
  HE_KERNELS_OF(128)
  HE_KERNELS_OF(256)
#undef HE_KERNELS_OF
  throw std::logic_error("no kernels of this width");
}

unsigned blocks(int64_t rows, int width, int warps) { return static_cast<unsigned>((rows + warps * cuda::float_rows(width) - 1) / (warps * cuda::float_rows(width))); }
int longest(const AttentionCase& c) { return *std::max_element(c.lengths.begin(), c.lengths.end()); }

FloatAttentionArguments arguments_of(const AttentionCase& c) {
  FloatAttentionArguments a{};
  a.q_stride = a.y_stride = c.query_heads * c.head_size;
  a.k_stride = a.v_stride = c.key_heads * c.head_size;
  a.query_heads = static_cast<int>(c.query_heads), a.key_heads = static_cast<int>(c.key_heads), a.head_size = static_cast<int>(c.head_size);
  a.causal = c.causal, a.window = static_cast<int>(c.window), a.scale = c.scale(), a.soft_cap = c.soft_cap;
  return a;
}

struct Output {
  std::vector<float> y, lse, dq, dk, dv;
};

Output run_packed(const AttentionCase& c, const AttentionData& d, int type = cuda::kFloatKeys, bool backward = false, const Options& options = {}) {
  const int width = width_of(c);
  const unsigned heads = static_cast<unsigned>(c.key_heads), sequences = static_cast<unsigned>(c.lengths.size()), query_heads = static_cast<unsigned>(c.query_heads);
  const DeviceArray<float> q(d.q), k(d.k), v(d.v), alibi(d.alibi), y(d.q.size()), lse(static_cast<size_t>(d.tokens * c.query_heads));
  const DeviceArray<int> offsets(d.offsets);
  FloatAttentionArguments a = arguments_of(c);
  a.q = in(q), a.k = in(k), a.v = in(v), a.query_offsets = in(offsets), a.y = out(y), a.log_sum_exp = out(lse), a.key_type = type;
  if (c.alibi) a.alibi = in(alibi);
  const unsigned grid = blocks(longest(c) * c.group(), width, cuda::kForwardWarps);
  emulator::launch("attention_packed_f32", kernels_of(width).packed, {grid, heads, sequences}, 128, static_cast<size_t>(cuda::float_attention_shared(width, cuda::kForwardWarps)), a, options);
  Output o{y.values(), lse.values(), {}, {}, {}};
  if (!backward) return o;
  const DeviceArray<float> dy(d.dy), delta(lse.size()), dq(d.q.size()), dk(d.k.size()), dv(d.v.size());
  cuda::FloatAttentionBackwardArguments b{};
  b.q = a.q, b.k = a.k, b.v = a.v, b.y = in(y), b.dy = in(dy), b.log_sum_exp = in(lse), b.query_offsets = a.query_offsets, b.alibi = a.alibi;
  b.delta = out(delta), b.dq = out(dq), b.dk = out(dk), b.dv = out(dv);
  b.q_stride = b.y_stride = b.dy_stride = b.dq_stride = a.q_stride, b.k_stride = b.v_stride = b.dk_stride = b.dv_stride = a.k_stride, b.lse_stride = c.query_heads;
  b.query_heads = a.query_heads, b.key_heads = a.key_heads, b.head_size = a.head_size, b.key_type = type, b.causal = a.causal, b.window = a.window, b.scale = a.scale, b.soft_cap = a.soft_cap;
  const size_t shared = static_cast<size_t>(cuda::float_backward_shared(width));
  emulator::launch("attention_delta_f32", cuda::attention_delta_f32, {static_cast<unsigned>(d.tokens), query_heads}, 32, 0, b, options);
  emulator::launch("attention_backward_dq_f32", kernels_of(width).dq, {grid, heads, sequences}, 128, shared, b, options);
  emulator::launch("attention_backward_dkv_f32", kernels_of(width).dkv, {blocks(longest(c), width, cuda::kForwardWarps), heads, sequences}, 128, shared, b, options);
  o.dq = dq.values(), o.dk = dk.values(), o.dv = dv.values();
  return o;
}

// The batch through a cache of `type`, steps[i] tokens of every sequence at a time (the last entry again and again). Blocks lie in random order; one is copied elsewhere between steps.
std::vector<float> run_paged(const AttentionCase& c, const AttentionData& d, int type, const std::vector<int>& steps, bool split, Random& random) {
  const int block_size = 16, sequences = static_cast<int>(c.lengths.size()), width = width_of(c), group = static_cast<int>(c.group());
  const int max_blocks = (longest(c) + block_size - 1) / block_size, max_chunks = (longest(c) + cuda::kKeyChunk - 1) / cuda::kKeyChunk;
  std::vector<int> order(static_cast<size_t>(sequences * max_blocks + 1));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[static_cast<size_t>(random.integer(0, static_cast<int64_t>(i)))]);
  int spare = order.back();
  order.pop_back();
  FloatAttentionArguments a = arguments_of(c);
  const int64_t block_bytes = cuda::cache_block_bytes(type, a.key_heads, block_size, a.head_size);
  const DeviceArray<float> keys(static_cast<size_t>((sequences * max_blocks + 1) * block_bytes / 4)), values(keys.size()), alibi(d.alibi);
  const int64_t qs = c.query_heads * c.head_size, ks = c.key_heads * c.head_size;
  std::vector<float> y(d.q.size(), NAN);
  std::vector<int> done(c.lengths.size(), 0);
  for (size_t step = 0; done != c.lengths; ++step) {
    const int take = steps[std::min(step, steps.size() - 1)];
    std::vector<int> offsets{0}, contexts, slots, tokens;
    int most = 0;
    for (size_t s = 0; s < done.size(); ++s) {
      const int n = std::min(take, c.lengths[s] - done[s]);
      for (int i = done[s]; i < done[s] + n; ++i) {
        tokens.push_back(d.offsets[s] + i);
        slots.push_back(order[s * static_cast<size_t>(max_blocks) + static_cast<size_t>(i / block_size)] * block_size + i % block_size);
      }
      done[s] += n, most = std::max(most, n);
      offsets.push_back(static_cast<int>(tokens.size()));
      contexts.push_back(done[s]);
    }
    std::vector<float> q, k, v;
    for (const int t : tokens) {
      q.insert(q.end(), d.q.begin() + t * qs, d.q.begin() + (t + 1) * qs);
      k.insert(k.end(), d.k.begin() + t * ks, d.k.begin() + (t + 1) * ks);
      v.insert(v.end(), d.v.begin() + t * ks, d.v.begin() + (t + 1) * ks);
    }
    const DeviceArray<float> qd(q), kd(k), vd(v), out_rows(q.size());
    const DeviceArray<int> query_offsets(offsets), context_lengths(contexts), slot_array(slots);
    const cuda::WriteCacheArguments w{in(kd), in(vd), in(slot_array), out(keys), out(values), ks, ks, a.key_heads, a.head_size, block_size, type};
    emulator::launch("write_cache", cuda::write_cache, {static_cast<unsigned>(tokens.size()), 2}, cuda::kWriteCacheThreads, 0, w);
    if (step == 0 && type != cuda::kInt8Keys && c.lengths[0] >= block_size && done[0] >= block_size) {
      const DeviceArray<int> from(std::vector<int>{order[0]}), to(std::vector<int>{spare});
      emulator::launch("copy_blocks", cuda::copy_blocks, {1, 2}, cuda::kWriteCacheThreads, 0, cuda::CopyBlocksArguments{out(keys), out(values), in(from), in(to), block_bytes / 4});
      std::swap(order[0], spare);
    }
    const DeviceArray<int> tables(order);
    a.q = in(qd), a.k = in(keys), a.v = in(values), a.key_type = type, a.query_offsets = in(query_offsets), a.context_lengths = in(context_lengths), a.block_tables = in(tables);
    a.max_blocks = max_blocks, a.block_size = block_size, a.max_chunks = max_chunks, a.y = out(out_rows);
    if (c.alibi) a.alibi = in(alibi);
    const unsigned heads = static_cast<unsigned>(c.key_heads), batch = static_cast<unsigned>(sequences);
    const int warps = split ? cuda::kSplitWarps : cuda::kForwardWarps;
    const size_t shared = static_cast<size_t>(cuda::float_attention_shared(width, warps));
    const unsigned tiles = blocks(most * group, width, warps);
    if (split) {
      const size_t parts = tokens.size() * static_cast<size_t>(c.query_heads * max_chunks);
      const DeviceArray<float> partial(parts * static_cast<size_t>(c.head_size)), scale(parts * 2);
      a.partial = out(partial), a.partial_scale = out(scale);
      emulator::launch("attention_split_f32", kernels_of(width).split, {static_cast<unsigned>(max_chunks), heads * tiles, batch}, 32, shared, a);
      emulator::launch("attention_combine_f32", cuda::attention_combine_f32, {static_cast<unsigned>(most), static_cast<unsigned>(c.query_heads), batch}, 32, 0, a);
    } else {
      emulator::launch("attention_paged_f32", kernels_of(width).paged, {tiles, heads, batch}, 128, shared, a);
    }
    const std::vector<float> part = out_rows.values();
    for (size_t i = 0; i < tokens.size(); ++i) std::copy_n(part.begin() + static_cast<int64_t>(i) * qs, qs, y.begin() + tokens[i] * qs);
  }
  return y;
}

// Within `bound` of the greatest magnitude.
::testing::AssertionResult close(const std::vector<double>& expected, const std::vector<float>& actual, double bound) {
  double top = 0;
  for (const double x : expected) top = std::max(top, std::abs(x));
  return near(expected, actual, 0, bound * top);
}

TEST(CudaFloatAttention, EveryMaskAndHeadSize_AgreesWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : kCases) {
    SCOPED_TRACE(name(c));
    const AttentionData d = make_attention(c, random);
    const Output o = run_packed(c, d, cuda::kFloatKeys, true);
    const AttentionExpected e = plain_attention(c, d);
    EXPECT_TRUE(close(e.y, o.y, 4e-6));
    EXPECT_TRUE(near(e.lse, o.lse, 2e-6, 4e-6));
    EXPECT_TRUE(close(e.dq, o.dq, 2e-5)) << "dq";
    EXPECT_TRUE(close(e.dk, o.dk, 2e-5)) << "dk";
    EXPECT_TRUE(close(e.dv, o.dv, 2e-5)) << "dv";
  }
}

TEST(CudaFloatAttention, PagedInAnyStepsAndSplit_GivesTheBitsOfThePackedForm) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : kCases) {
    SCOPED_TRACE(name(c));
    const AttentionData d = make_attention(c, random);
    const int rest = std::max(longest(c) - 4, 1);
    const std::vector<int> steps = c.causal ? std::vector<int>{rest, 1, 2} : std::vector<int>{1000};  // without a causal mask early steps would not see what the packed form sees
    const std::vector<float> packed = run_packed(c, d).y, rounded = run_packed(c, d, cuda::kRoundedKeys).y;
    EXPECT_TRUE(same_bits(packed, run_paged(c, d, cuda::kFloatKeys, {1000}, false, random)));
    EXPECT_TRUE(same_bits(packed, run_paged(c, d, cuda::kFloatKeys, steps, true, random)));
    EXPECT_TRUE(same_bits(rounded, run_paged(c, d, cuda::kBf16Keys, steps, false, random)));
    EXPECT_TRUE(same_bits(rounded, run_paged(c, d, cuda::kBf16Keys, steps, true, random)));
  }
}

TEST(CudaFloatAttention, Int8Cache_AgreesWithPlainLoopsOverWhatItKeeps) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const AttentionCase& c : {AttentionCase{6, 2, 33, {70, 5}}, AttentionCase{2, 1, 64, {40}, true, 20}, AttentionCase{1, 1, 6, {20}}}) {
    SCOPED_TRACE(name(c));
    const AttentionData d = make_attention(c, random);
    AttentionData kept = d;
    for (std::vector<float>* x : {&kept.k, &kept.v})
      for (size_t i = 0; i < x->size(); i += static_cast<size_t>(c.head_size)) {
        float top = 0;
        for (int64_t e = 0; e < c.head_size; ++e) top = std::max(top, std::abs((*x)[i + static_cast<size_t>(e)]));
        const float scale = top / 127;
        for (int64_t e = 0; e < c.head_size; ++e) {
          float& v = (*x)[i + static_cast<size_t>(e)];
          v = scale * std::clamp(std::nearbyint(v / scale), -127.0f, 127.0f);
        }
      }
    const std::vector<float> y = run_paged(c, d, cuda::kInt8Keys, {9, 1, 1000}, false, random);
    EXPECT_TRUE(close(plain_attention(c, kept).y, y, 4e-6));
    EXPECT_TRUE(same_bits(y, run_paged(c, d, cuda::kInt8Keys, {9, 1, 1000}, true, random)));
  }
}

TEST(CudaFloatAttention, AnyOrderOfThreadsAndSequenceAlone_SameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  const AttentionCase c{4, 2, 20, {50, 9}, true, 0, 4.0f, true};
  const AttentionData d = make_attention(c, random);
  const Output all = run_packed(c, d, cuda::kRoundedKeys, true);
  for (const Options& options : orders(random.seed())) {
    const Output o = run_packed(c, d, cuda::kRoundedKeys, true, options);
    EXPECT_TRUE(same_bits(all.y, o.y) && same_bits(all.dq, o.dq) && same_bits(all.dk, o.dk) && same_bits(all.dv, o.dv));
  }
  AttentionCase alone = c;
  alone.lengths = {9};
  const auto last = [&](const std::vector<float>& x, int64_t width) { return std::vector<float>(x.end() - 9 * width, x.end()); };
  const int64_t qs = c.query_heads * c.head_size, ks = c.key_heads * c.head_size;
  AttentionData one{9, {0, 9}, last(d.q, qs), last(d.k, ks), last(d.v, ks), last(d.dy, qs), d.alibi};
  const Output o = run_packed(alone, one, cuda::kRoundedKeys, true);
  EXPECT_TRUE(same_bits(last(all.y, qs), o.y) && same_bits(last(all.dq, qs), o.dq) && same_bits(last(all.dk, ks), o.dk) && same_bits(last(all.dv, ks), o.dv));
}

TEST(CudaFloatAttention, NanInLaterKeysAndOtherSequences_ChangesNothing) {
  Random random;
  SCOPED_TRACE(random.seed());
  const AttentionCase c{2, 1, 24, {40, 20}};
  const AttentionData clean = make_attention(c, random);
  AttentionData spoiled = clean;
  const size_t first = 39 * 24;  // the last key of the first sequence, and the whole second one
  for (size_t i = first; i < spoiled.k.size(); ++i) spoiled.k[i] = spoiled.v[i] = NAN;
  const std::vector<float> expected = run_packed(c, clean).y, found = run_packed(c, spoiled).y;
  EXPECT_TRUE(same_bits(std::vector<float>(expected.begin(), expected.begin() + 39 * 48), std::vector<float>(found.begin(), found.begin() + 39 * 48)));
  for (size_t i = 39 * 48; i < found.size(); ++i) ASSERT_TRUE(std::isnan(found[i])) << i;
}

}  // namespace
}  // namespace he
