// Routing: a token a warp, an expert every 32nd lane's; sums over experts: a lane's ascending, then lanes in pairs (distance 16, 8, 4, 2, 1).
// Grouping: a stable sort by counting; the block of an expert counts the choices of lesser experts and its own, 32 at once in every warp. Traffic: the choices once an expert, from the caches.
// Combination: an element is one chain over the token's choices, best first; a weight's gradient the sum over the row: thread t has groups of four t, t + 128, ..., then block_sum.
#include "cuda/expert/routing.h"

#include "cuda/dialect/rows.h"

namespace he::cuda {
namespace {

template <class T>
HE_GPU int clamp_index(T i, int end) { return i < 0 ? 0 : i < end ? static_cast<int>(i) : end - 1; }

HE_GPU float warp_sum(float v) {
  for (unsigned distance = 16; distance; distance /= 2) v += shuffle_xor(v, distance);
  return v;
}

// The token of this warp; past the last one the warp has nothing to do.
HE_GPU long long token_of_warp() { return static_cast<long long>(block_x()) * kRouteWarps + warp(); }

// A token's soft-max: p(e) = exp(logit - greatest) / sum.
struct Softmax {
  Global<const float> logits;
  float greatest, sum;

  HE_GPU Softmax(const RouteArguments& a, long long token) : logits(a.logits + token * a.logits_stride), greatest(minus_infinity()), sum(0.0f) {
    for (int e = static_cast<int>(lane()); e < a.experts; e += kWarp) greatest = maximum(greatest, logits.get(e));
    for (unsigned distance = 16; distance; distance /= 2) greatest = maximum(greatest, shuffle_xor(greatest, distance));
    for (int e = static_cast<int>(lane()); e < a.experts; e += kWarp) sum += exp_accurate(logits.get(e) - greatest);
    sum = warp_sum(sum);
  }
  HE_GPU float operator()(int e) const { return divide(exp_accurate(logits.get(e) - greatest), sum); }
};

// Whether (v, e) comes before (w, f): greater, or as great with a lower index.
HE_GPU bool before(float v, int e, float w, int f) { return v > w || (v == w && e < f); }

// The best expert behind (v, e), in all lanes.
HE_GPU void next_best(const RouteArguments& a, Global<const float> logits, float& v, int& e) {
  float best = minus_infinity();
  int at = a.experts;
  for (int i = static_cast<int>(lane()); i < a.experts; i += kWarp) {
    const float x = logits.get(i);
    if ((e < 0 || before(v, e, x, i)) && (at == a.experts || before(x, i, best, at))) best = x, at = i;
  }
  for (unsigned distance = 16; distance; distance /= 2) {
    const float x = shuffle_xor(best, distance);
    const int i = static_cast<int>(shuffle_xor(static_cast<unsigned>(at), distance));
    if (i < a.experts && (at == a.experts || before(x, i, best, at))) best = x, at = i;
  }
  v = best, e = at < a.experts ? at : a.experts - 1;  // none is left where logits are NaN
}

HE_GPU float chosen_sum(const RouteArguments& a, const Softmax& p, long long token) {
  float sum = 0.0f;
  for (int i = 0; i < a.top_k; ++i) sum += p(clamp_index(a.chosen.get(token * a.chosen_stride + i), a.experts));
  return sum;
}

}  // namespace

HE_KERNEL(kRouteThreads) route_experts_f32(RouteArguments a) {
  const long long token = token_of_warp();
  if (token >= a.tokens) return;
  const Softmax p(a, token);
  float v = 0.0f, total = 0.0f;
  int e = -1;
  for (int i = 0; i < a.top_k; ++i) {
    next_best(a, p.logits, v, e);
    total += p(e);
    if (lane() == 0) a.chosen.set(token * a.chosen_stride + i, e);
  }
  if (lane() != 0) return;
  for (int i = 0; i < a.top_k; ++i) {
    const float x = p(a.chosen.get(token * a.chosen_stride + i));
    a.weights.set(token * a.weights_stride + i, a.normalize ? divide(x, total) : x);
  }
}

// w_i = p_i / total, total 1 or the sum of the chosen p: dp_i = (d_i - sum d_j w_j) / total; dlogit_e = p_e (dp_e - sum dp_j p_j).
HE_KERNEL(kRouteThreads) route_experts_backward_f32(RouteArguments a) {
  const long long token = token_of_warp();
  if (token >= a.tokens) return;
  const Softmax p(a, token);
  const Global<const float> d = a.d_weights + token * a.d_weights_stride;
  const float total = a.normalize ? chosen_sum(a, p, token) : 1.0f;
  float mean = 0.0f, dot = 0.0f;
  const auto expert = [&](int i) { return clamp_index(a.chosen.get(token * a.chosen_stride + i), a.experts); };
  for (int i = 0; a.normalize && i < a.top_k; ++i) mean = fma(d.get(i), divide(p(expert(i)), total), mean);
  for (int i = 0; i < a.top_k; ++i) dot = fma(divide(d.get(i) - mean, total), p(expert(i)), dot);
  for (int e = static_cast<int>(lane()); e < a.experts; e += kWarp) {
    float dp = 0.0f;
    for (int i = 0; i < a.top_k; ++i)
      if (expert(i) == e) dp = divide(d.get(i) - mean, total);
    a.d_logits.set(token * a.d_logits_stride + e, p(e) * (dp - dot));
  }
}

HE_KERNEL(kRouteThreads) expert_probabilities_f32(RouteArguments a) {
  const long long token = token_of_warp();
  if (token >= a.tokens) return;
  const Softmax p(a, token);
  for (int e = static_cast<int>(lane()); e < a.experts; e += kWarp) a.probabilities.set(token * a.experts + e, p(e));
}

HE_KERNEL(kRouteThreads) expert_load_backward_f32(RouteArguments a) {
  const long long token = token_of_warp();
  if (token >= a.tokens) return;
  const Softmax p(a, token);
  float dot = 0.0f;
  for (int e = static_cast<int>(lane()); e < a.experts; e += kWarp) dot = fma(a.d_probabilities.get(e), p(e), dot);
  dot = warp_sum(dot);
  for (int e = static_cast<int>(lane()); e < a.experts; e += kWarp) {
    const long long at = token * a.d_logits_stride + e;
    a.d_logits.set(at, fma(p(e), a.d_probabilities.get(e) - dot, a.d_logits.get(at)));
  }
}

HE_KERNEL(kGroupWarps * 32) group_choices(GroupArguments a) {
  const int expert = static_cast<int>(block_x()), l = static_cast<int>(lane()), w = static_cast<int>(warp());
  const Shared<int> counted = shared_array<int>(0, 2 * kGroupWarps);
  // Every warp has a stretch of whole groups of 32 choices.
  const int groups = (a.choices + kWarp - 1) / kWarp, first = groups * w / kGroupWarps * kWarp, end = groups * (w + 1) / kGroupWarps * kWarp;
  const auto chosen = [&](int i) { return i < a.choices ? clamp_index(a.chosen.get(i), a.experts) : a.experts; };
  int lesser = 0, own = 0;
  for (int i = first; i < end; i += kWarp) {
    const int e = chosen(i + l);
    lesser += count_bits(vote(e < expert));
    own += count_bits(vote(e == expert));
  }
  if (l == 0) counted.set(w, lesser), counted.set(kGroupWarps + w, own);
  sync_block();
  int row = 0, total = 0;
  for (int i = 0; i < kGroupWarps; ++i) {
    row += counted.get(i);
    if (i < w) row += counted.get(kGroupWarps + i);
    total += counted.get(i) + counted.get(kGroupWarps + i);
  }
  if (thread() == 0) {
    a.row_offsets.set(expert, row);
    if (expert + 1 == a.experts) a.row_offsets.set(a.experts, total);
  }
  for (int i = first; i < end; i += kWarp) {
    const bool mine = chosen(i + l) == expert;
    const unsigned same = vote(mine);
    if (mine) {
      const int slot = row + count_bits(same & ((1u << l) - 1u));
      a.tokens.set(slot, (i + l) / a.top_k);
      a.slots.set(i + l, slot);
    }
    row += count_bits(same);
  }
}

HE_KERNEL(kCombineThreads) combine_choices_f32(CombineArguments a) {
  const long long token = block_x();
  const bool vectors = in_vectors(a.grouped, a.grouped_stride, a.width) && in_vectors(a.y, a.y_stride, a.width);
  for (int c = 4 * static_cast<int>(thread()); c < a.width; c += 4 * kCombineThreads) {
    Four sum = {{0.0f, 0.0f, 0.0f, 0.0f}};
    for (int i = 0; i < a.top_k; ++i) {
      const float w = a.weights.get(token * a.weights_stride + i);
      const Four x = get_four(a.grouped + clamp_index(a.slots.get(token * a.top_k + i), a.choices) * a.grouped_stride, c, a.width, vectors);
      HE_UNROLL
      for (int j = 0; j < 4; ++j) sum.v[j] = fma(w, x.v[j], sum.v[j]);
    }
    set_four(a.y + token * a.y_stride, c, a.width, vectors, sum);
  }
}

HE_KERNEL(kCombineThreads) combine_choices_backward_f32(CombineArguments a) {
  const long long token = block_x();
  const bool vectors = in_vectors(a.grouped, a.grouped_stride, a.width) && in_vectors(a.dy, a.dy_stride, a.width) && in_vectors(a.d_grouped, a.d_grouped_stride, a.width);
  const Shared<float> scratch = shared_array<float>(0, kCombineThreads / kWarp);
  for (int i = 0; i < a.top_k; ++i) {
    const long long slot = clamp_index(a.slots.get(token * a.top_k + i), a.choices);
    const float w = a.weights.get(token * a.weights_stride + i);
    float dot = 0.0f;
    for (int c = 4 * static_cast<int>(thread()); c < a.width; c += 4 * kCombineThreads) {
      Four d = get_four(a.dy + token * a.dy_stride, c, a.width, vectors);
      const Four x = get_four(a.grouped + slot * a.grouped_stride, c, a.width, vectors);
      HE_UNROLL
      for (int j = 0; j < 4; ++j) {
        dot = fma(d.v[j], x.v[j], dot);
        d.v[j] *= w;
      }
      set_four(a.d_grouped + slot * a.d_grouped_stride, c, a.width, vectors, d);
    }
    dot = block_sum<kCombineThreads>(dot, scratch);
    if (thread() == 0) a.d_weights.set(token * a.d_weights_stride + i, dot);
    sync_block();
  }
}

HE_KERNEL(32) expert_load(LoadArguments a) {
  const int expert = static_cast<int>(block_x()), l = static_cast<int>(lane());
  int count = 0;
  for (int i = 0; i < a.choices; i += kWarp) count += count_bits(vote(i + l < a.choices && clamp_index(a.chosen.get(i + l), a.experts) == expert));
  double sum = l == 0 ? a.sums.get(expert) : 0.0;  // what the other lanes add up is not kept
  for (int first = 0; first < a.tokens; first += kWarp) {
    const float mine = first + l < a.tokens ? a.probabilities.get(static_cast<long long>(first + l) * a.experts + expert) : 0.0f;
    for (int i = 0; i < kWarp; ++i) sum += static_cast<double>(bits_to_float(shuffle(float_to_bits(mine), static_cast<unsigned>(i))));
  }
  if (l == 0) {
    a.counts.set(expert, a.counts.get(expert) + count);
    a.sums.set(expert, sum);
  }
}

}  // namespace he::cuda
