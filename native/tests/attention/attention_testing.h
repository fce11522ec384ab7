// The native calls on a packed batch, and on its paged cache.
#pragma once
#include <algorithm>
#include <numeric>

#include "tests/attention/attention_case.h"

namespace he::testing {

inline std::vector<AttentionCase> attention_cases() {
  return {{1, 1, 16, {1, 2, 17}},
          {4, 2, 24, {65, 3, 130}},
          {9, 3, 64, {64, 63, 129, 1}},
          {2, 2, 80, {70}},
          {3, 1, 256, {20, 90}},
          {2, 1, 33, {100}, true, 7},
          {4, 4, 32, {200, 5}, true, 64},
          {4, 2, 16, {77, 140}, false},
          {4, 2, 16, {77, 140}, false, 30},
          {6, 3, 40, {80}, true, 0, 5.0f},
          {8, 2, 32, {150, 66}, true, 0, 0, true},
          {4, 1, 64, {130}, true, 50, 3.0f, true},
          {3, 1, 16, {300, 257, 513}},
          {2, 2, 24, {700}, true, 270},
          {2, 1, 16, {530}, false, 260},
          {5, 1, 20, {350}, true, 0, 4.0f, true}};
}

struct AttentionOutput {
  std::vector<float> y, lse, dq, dk, dv;
};

inline AttentionOutput run_attention(he_context* ctx, const AttentionCase& c, const AttentionData& d, bool backward = true, int32_t type = 0) {
  AttentionOutput o;
  o.y.assign(d.q.size(), NAN);
  o.lse.assign(static_cast<size_t>(d.tokens * c.query_heads), NAN);
  const int64_t qs = c.query_heads * c.head_size, ks = c.key_heads * c.head_size, sequences = static_cast<int64_t>(c.lengths.size());
  const float* alibi = c.alibi ? d.alibi.data() : nullptr;
  EXPECT_EQ(he_attention(ctx, d.tokens, sequences, d.offsets.data(), c.query_heads, c.key_heads, c.head_size, c.scale(), c.causal, c.window,
                         c.soft_cap, alibi, d.q.data(), qs, d.k.data(), ks, d.v.data(), ks, o.y.data(), qs, o.lse.data(), c.query_heads, type),
            HE_OK)
      << he_last_error();
  if (!backward) return o;
  o.dq.assign(d.q.size(), NAN);
  o.dk.assign(d.k.size(), NAN);
  o.dv.assign(d.v.size(), NAN);
  EXPECT_EQ(he_attention_backward(ctx, d.tokens, sequences, d.offsets.data(), c.query_heads, c.key_heads, c.head_size, c.scale(), c.causal,
                                  c.window, c.soft_cap, alibi, d.q.data(), qs, d.k.data(), ks, d.v.data(), ks, o.y.data(), qs, o.lse.data(),
                                  c.query_heads, d.dy.data(), qs, o.dq.data(), qs, o.dk.data(), ks, o.dv.data(), ks, type),
            HE_OK)
      << he_last_error();
  return o;
}

// The paged cache of one batch: blocks handed out in a shuffled order, its memory full of NaN to begin with.
class PagedCache {
 public:
  PagedCache(he_context* ctx, const AttentionCase& c, int64_t block_size, Random& random, int32_t type = 0)
      : ctx_(ctx), case_(c), block_size_(block_size), type_(type) {
    for (const int length : c.lengths) width_ = std::max(width_, (length + block_size - 1) / block_size);
    blocks_ = width_ * static_cast<int64_t>(c.lengths.size()) + 3;
    std::vector<int32_t> order(static_cast<size_t>(blocks_));
    std::iota(order.begin(), order.end(), 0);
    for (size_t i = order.size() - 1; i > 0; --i)
      std::swap(order[i], order[static_cast<size_t>(random.integer(0, static_cast<int64_t>(i)))]);
    tables_.assign(order.begin(), order.begin() + width_ * static_cast<int64_t>(c.lengths.size()));
    int64_t key_bytes = 0, value_bytes = 0;
    EXPECT_EQ(he_kv_size(ctx, type, blocks_, block_size, c.key_heads, c.head_size, &key_bytes, &value_bytes), HE_OK);
    // All bits set: NaN in every type's elements and scales (int8 elements are -1, their scales NaN).
    keys_.assign(static_cast<size_t>((key_bytes + 3) / 4), static_cast<int32_t>(-1));
    values_.assign(static_cast<size_t>((value_bytes + 3) / 4), static_cast<int32_t>(-1));
  }

  // Steps of any size: `step` new tokens a sequence at most, written and attended at once with what the other sequences have in the same
  // step.
  std::vector<float> attend(const AttentionData& d, const std::vector<int>& steps) {
    const AttentionCase& c = case_;
    const int64_t qs = c.query_heads * c.head_size, ks = c.key_heads * c.head_size;
    std::vector<float> y(d.q.size(), NAN);
    std::vector<int> done(c.lengths.size());
    for (size_t round = 0;; ++round) {
      const int step = steps[std::min(round, steps.size() - 1)];
      std::vector<int32_t> offsets{0}, contexts, slots, tokens;
      for (size_t s = 0; s < c.lengths.size(); ++s) {
        const int take = std::min(step, c.lengths[s] - done[s]);
        for (int i = done[s]; i < done[s] + take; ++i) {
          tokens.push_back(d.offsets[s] + i);
          slots.push_back(static_cast<int32_t>(
              tables_[s * static_cast<size_t>(width_) + static_cast<size_t>(i / block_size_)] * block_size_ + i % block_size_));
        }
        done[s] += take;
        offsets.push_back(offsets.back() + take);
        contexts.push_back(done[s]);
      }
      if (tokens.empty()) return y;
      const int64_t n = static_cast<int64_t>(tokens.size());
      std::vector<float> q, k, v, out(static_cast<size_t>(n * qs), NAN);
      for (const int32_t t : tokens) {
        q.insert(q.end(), d.q.begin() + t * qs, d.q.begin() + (t + 1) * qs);
        k.insert(k.end(), d.k.begin() + t * ks, d.k.begin() + (t + 1) * ks);
        v.insert(v.end(), d.v.begin() + t * ks, d.v.begin() + (t + 1) * ks);
      }
      EXPECT_EQ(he_kv_write(ctx_, n, k.data(), ks, v.data(), ks, slots.data(), type_, keys_.data(), values_.data(), blocks_, block_size_,
                            c.key_heads, c.head_size),
                HE_OK)
          << he_last_error();
      EXPECT_EQ(he_paged_attention(ctx_, n, static_cast<int64_t>(c.lengths.size()), offsets.data(), contexts.data(), tables_.data(), width_,
                                   width_, c.query_heads, c.key_heads, c.head_size, c.scale(), c.causal, c.window, c.soft_cap,
                                   c.alibi ? d.alibi.data() : nullptr, q.data(), qs, type_, keys_.data(), values_.data(), blocks_, block_size_,
                                   out.data(), qs),
                HE_OK)
          << he_last_error();
      for (int64_t i = 0; i < n; ++i) std::copy_n(out.begin() + i * qs, qs, y.begin() + tokens[static_cast<size_t>(i)] * qs);
    }
  }

 private:
  he_context* ctx_;
  const AttentionCase& case_;
  int64_t block_size_, blocks_ = 0, width_ = 0;
  int32_t type_;
  std::vector<int32_t> tables_, keys_, values_;
};

}  // namespace he::testing
