// A packed batch of random bf16 sequences, the launches on it, and the plain loops it is compared with.
#pragma once
#include <algorithm>
#include <numeric>

#include "cuda/attention/attention.h"
#include "cuda/attention/write_kv.h"
#include "cuda/tests/cuda_testing.h"
#include "tests/attention/attention_case.h"

namespace he::testing {

// Elements of a token: q, k and v are column ranges of one fused projection.
inline int row(const AttentionCase& c) { return static_cast<int>((c.query_heads + 2 * c.key_heads) * c.head_size); }
inline int group(const AttentionCase& c) { return static_cast<int>(c.group()); }

inline std::vector<AttentionCase> attention_cases() {
  return {{8, 2, 64, {1, 5, 70, 261}},
          {3, 1, 80, {265, 17}, true, 40},
          {2, 2, 96, {70, 33}, true, 0, 5.0f},
          {4, 1, 128, {270}, true, 0, 0, true},
          {2, 1, 256, {40, 270}, false},
          {2, 2, 64, {590}, true, 270},
          {5, 1, 64, {77}, false, 30},
          {6, 2, 128, {3, 65}, true, 10, 3.0f, true}};
}

// As bf16, the projection's rows beside what they came from (rounded too).
struct FusedAttention : AttentionData {
  std::vector<bf16> qkv;
};

inline FusedAttention make_fused(const AttentionCase& c, Random& random) {
  FusedAttention d{make_attention(c, random), {}};
  d.qkv.resize(static_cast<size_t>(d.tokens * row(c)));
  int64_t column = 0;
  for (std::vector<float>* part : {&d.q, &d.k, &d.v}) {
    const std::vector<bf16> rounded = as<bf16>(*part);
    *part = floats(rounded);
    const int64_t width = static_cast<int64_t>(part->size()) / d.tokens;
    for (int64_t t = 0; t < d.tokens; ++t) std::copy_n(rounded.begin() + t * width, width, d.qkv.begin() + t * row(c) + column);
    column += width;
  }
  return d;
}

struct AttentionKernels {
  void (*packed)(cuda::AttentionArguments);
  void (*paged)(cuda::AttentionArguments);
  void (*split)(cuda::AttentionArguments);
  void (*combine)(cuda::AttentionArguments);
};

inline AttentionKernels attention_kernels(int64_t head_size) {
  using namespace he::cuda;
#define HE_KERNELS_OF(D) \
  if (head_size == D) return {attention_packed_bf16_##D, attention_paged_bf16_##D, attention_split_bf16_##D, attention_combine_bf16_##D};
  HE_KERNELS_OF(64)
  HE_KERNELS_OF(80)
  HE_KERNELS_OF(96)
  HE_KERNELS_OF(128)
  HE_KERNELS_OF(256)
#undef HE_KERNELS_OF
  throw std::logic_error("no kernels of this head size");
}

inline cuda::AttentionArguments attention_arguments(const AttentionCase& c) {
  cuda::AttentionArguments a{};
  a.q_stride = a.k_stride = a.v_stride = row(c);
  a.y_stride = c.query_heads * c.head_size;
  a.query_heads = static_cast<int>(c.query_heads), a.key_heads = static_cast<int>(c.key_heads);
  a.causal = c.causal, a.window = static_cast<int>(c.window);
  a.scale = c.scale(), a.soft_cap = c.soft_cap;
  return a;
}

inline unsigned tiles(int rows, int warps) { return static_cast<unsigned>((rows + warps * cuda::kRowsOfWarp - 1) / (warps * cuda::kRowsOfWarp)); }

struct AttentionOutput {
  std::vector<float> y, log_sum_exp;
};

inline AttentionOutput run_packed(const AttentionCase& c, const FusedAttention& d, const Options& options = {}) {
  const DeviceArray<bf16> qkv(d.qkv), y(static_cast<size_t>(d.tokens * c.query_heads * c.head_size));
  const DeviceArray<int> offsets(d.offsets);
  const DeviceArray<float> alibi(d.alibi), lse(static_cast<size_t>(d.tokens * c.query_heads));
  cuda::AttentionArguments a = attention_arguments(c);
  a.q = in(qkv), a.k = a.q + c.query_heads * c.head_size, a.v = a.k + c.key_heads * c.head_size;
  a.query_offsets = in(offsets), a.y = out(y), a.log_sum_exp = out(lse);
  if (c.alibi) a.alibi = in(alibi);
  const unsigned blocks = tiles(*std::max_element(c.lengths.begin(), c.lengths.end()) * group(c), cuda::kForwardWarps);
  emulator::launch("attention_packed", attention_kernels(c.head_size).packed, {blocks, static_cast<unsigned>(c.key_heads), static_cast<unsigned>(c.lengths.size())},
                   cuda::kForwardWarps * 32, static_cast<size_t>(cuda::attention_shared(static_cast<int>(c.head_size), cuda::kForwardWarps)), a, options);
  return {floats(y.values()), lse.values()};
}

// Feeds the batch through a paged cache, `steps[i]` tokens of every sequence at a time (the last entry again and again); returns y as the packed form has it.
// Blocks lie in random order, and nothing beyond what was written may be read: the emulator would find it.
inline std::vector<float> run_paged(const AttentionCase& c, const FusedAttention& d, int block_size, const std::vector<int>& steps, bool split, Random& random) {
  const int sequences = static_cast<int>(c.lengths.size()), longest = *std::max_element(c.lengths.begin(), c.lengths.end());
  const int max_blocks = (longest + block_size - 1) / block_size, max_chunks = (longest + cuda::kKeyChunk - 1) / cuda::kKeyChunk;
  std::vector<int> blocks(static_cast<size_t>(sequences) * max_blocks);
  std::iota(blocks.begin(), blocks.end(), 0);
  for (size_t i = blocks.size(); i > 1; --i) std::swap(blocks[i - 1], blocks[static_cast<size_t>(random.integer(0, static_cast<int64_t>(i) - 1))]);
  const DeviceArray<int> tables(blocks);
  const size_t cache = blocks.size() * static_cast<size_t>(block_size * c.key_heads * c.head_size);
  const DeviceArray<bf16> keys(cache), values(cache);
  const DeviceArray<float> alibi(d.alibi);
  const AttentionKernels kernels = attention_kernels(c.head_size);

  std::vector<float> y(static_cast<size_t>(d.tokens * c.query_heads * c.head_size), NAN);
  std::vector<int> done(c.lengths.size(), 0);
  for (size_t step = 0; done != c.lengths; ++step) {
    const int take = steps[std::min(step, steps.size() - 1)];
    std::vector<int> offsets{0}, contexts, slots, tokens;
    int most = 0;
    for (size_t s = 0; s < done.size(); ++s) {
      const int n = std::min(take, c.lengths[s] - done[s]);
      for (int i = done[s]; i < done[s] + n; ++i) {
        tokens.push_back(d.offsets[s] + i);
        slots.push_back(blocks[s * static_cast<size_t>(max_blocks) + static_cast<size_t>(i / block_size)] * block_size + i % block_size);
      }
      done[s] += n, most = std::max(most, n);
      offsets.push_back(static_cast<int>(tokens.size()));
      contexts.push_back(done[s]);
    }
    std::vector<bf16> rows;
    for (const int t : tokens) rows.insert(rows.end(), d.qkv.begin() + static_cast<ptrdiff_t>(t) * row(c), d.qkv.begin() + static_cast<ptrdiff_t>(t + 1) * row(c));
    const DeviceArray<bf16> qkv(rows), out_rows(tokens.size() * static_cast<size_t>(c.query_heads * c.head_size));
    const DeviceArray<int> query_offsets(offsets), context_lengths(contexts), slot_array(slots);
    cuda::AttentionArguments a = attention_arguments(c);
    a.q = in(qkv);
    const cuda::WriteKvArguments w{a.q + c.query_heads * c.head_size, a.q + (c.query_heads + c.key_heads) * c.head_size, in(slot_array), out(keys), out(values), row(c), row(c),
                                   a.key_heads, static_cast<int>(c.head_size), block_size};
    emulator::launch("write_kv", cuda::write_kv_bf16, {static_cast<unsigned>(tokens.size())}, cuda::kWriteKvThreads, 0, w);
    a.k = in(keys), a.v = in(values);
    a.query_offsets = in(query_offsets), a.context_lengths = in(context_lengths), a.block_tables = in(tables);
    a.max_blocks = max_blocks, a.block_size = block_size, a.max_chunks = max_chunks;
    a.y = out(out_rows);
    if (c.alibi) a.alibi = in(alibi);
    const unsigned kv = static_cast<unsigned>(c.key_heads), batch = static_cast<unsigned>(sequences);
    if (split) {
      const size_t parts = tokens.size() * static_cast<size_t>(c.query_heads * max_chunks);
      const DeviceArray<float> partial(parts * static_cast<size_t>(c.head_size)), scale(parts * 2);
      a.partial = out(partial), a.partial_scale = out(scale);
      emulator::launch("attention_split", kernels.split, {static_cast<unsigned>(max_chunks), kv * tiles(most * group(c), cuda::kSplitWarps), batch}, cuda::kSplitWarps * 32,
                       static_cast<size_t>(cuda::attention_shared(static_cast<int>(c.head_size), cuda::kSplitWarps)), a);
      emulator::launch("attention_combine", kernels.combine, {static_cast<unsigned>(most), static_cast<unsigned>(c.query_heads), batch}, 32, 0, a);
    } else {
      emulator::launch("attention_paged", kernels.paged, {tiles(most * group(c), cuda::kForwardWarps), kv, batch}, cuda::kForwardWarps * 32,
                       static_cast<size_t>(cuda::attention_shared(static_cast<int>(c.head_size), cuda::kForwardWarps)), a);
    }
    const std::vector<float> part = floats(out_rows.values());
    const size_t width = static_cast<size_t>(c.query_heads * c.head_size);
    for (size_t i = 0; i < tokens.size(); ++i) std::copy_n(part.begin() + static_cast<ptrdiff_t>(i * width), width, y.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(tokens[i]) * width));
  }
  return y;
}

// What rounding weights and y to bf16 may change.
inline std::vector<double> rounding_bound(const AttentionExpected& e) {
  std::vector<double> bound;
  for (size_t i = 0; i < e.y.size(); ++i) bound.push_back((0x1p-8 + 4e-5) * e.magnitude[i] + 0x1p-8 * std::abs(e.y[i]));
  return bound;
}

inline ::testing::AssertionResult within(const std::vector<double>& expected, const std::vector<double>& bound, const std::vector<float>& actual) {
  if (expected.size() != actual.size()) return ::testing::AssertionFailure() << "lengths " << expected.size() << " and " << actual.size();
  for (size_t i = 0; i < expected.size(); ++i)
    if (!(std::abs(expected[i] - actual[i]) <= bound[i]))
      return ::testing::AssertionFailure() << "element " << i << " of " << expected.size() << ": expected " << expected[i] << " within " << bound[i] << ", found " << actual[i];
  return ::testing::AssertionSuccess();
}

}  // namespace he::testing
