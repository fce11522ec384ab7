// Which keys a query sees, and what its score becomes.
#pragma once
#include "cuda/attention/attention.h"

namespace he::cuda {

/// One sequence of the batch.
struct Sequence {
  int first_token, queries, context;

  HE_GPU int position(int query) const { return context - queries + query; }
};

template <bool kPaged, class Arguments>
HE_GPU Sequence sequence(const Arguments& a, int index) {
  const int first = a.query_offsets.get(index), queries = a.query_offsets.get(index + 1) - first;
  if constexpr (kPaged) return {first, queries, a.context_lengths.get(index)};
  else return {first, queries, queries};
}

/// The keys [first, end) that the query at `position` sees.
struct Keys {
  int first, end;
};

template <class Arguments>
HE_GPU Keys visible(const Arguments& a, const Sequence& s, int position) {
  return {a.window > 0 && position >= a.window ? position - a.window + 1 : 0, a.causal && position + 1 < s.context ? position + 1 : s.context};
}

/// Scores in base 2: exp2 of them is the weight. scale, soft-cap, ALiBi, in this order.
struct Score {
  float scale, cap;

  HE_GPU explicit Score(const AttentionArguments& a)
      : scale(a.soft_cap > 0 ? divide(a.scale, a.soft_cap) : a.scale * kLog2E), cap(a.soft_cap * kLog2E) {}
  HE_GPU float operator()(float product, float slope, int distance) const {
    float x = product * scale;
    if (cap > 0) x = cap * tanh_fast(x);
    return fma(slope, static_cast<float>(distance), x);
  }
};

}  // namespace he::cuda
