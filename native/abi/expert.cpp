// Expert exports.
#include "cpu/expert/expert.h"

#include "abi/guard.h"
#include "abi/ranges.h"
#include "core/context.h"

namespace {

// Tokens in groups that are worth handing to a thread.
template <class F>
void for_each_token(he_context* ctx, int64_t tokens, int64_t experts, F f) {
  constexpr int64_t kTokens = 64;
  ctx->scratch.reserve(static_cast<size_t>(experts));
  ctx->pool.parallel_for((tokens + kTokens - 1) / kTokens, [&](int64_t i, int worker) {
    for (int64_t t = i * kTokens; t < std::min(tokens, (i + 1) * kTokens); ++t) f(t, ctx->scratch.of(worker));
  });
}

void require_below(const int32_t* indices, int64_t count, int64_t end, const char* message) {
  for (int64_t i = 0; i < count; ++i) he::require(indices[i] >= 0 && indices[i] < end, message);
}

}  // namespace

extern "C" {

he_status he_route_experts(he_context* ctx, int64_t tokens, int64_t experts, int64_t top_k, int32_t normalize, const float* logits,
                           int64_t logits_stride, int32_t* chosen, int64_t chosen_stride, float* weights, int64_t weights_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "route experts: context is null");
    he::require(tokens >= 0 && experts > 0 && experts <= INT32_MAX && top_k >= 0 && top_k <= experts,
                "route experts: top_k must be 0 to the experts");
    if (tokens == 0 || top_k == 0) return;
    he::require(logits != nullptr && chosen != nullptr && weights != nullptr, "route experts: logits, chosen and weights must not be null");
    const he::cpu::Routing a{logits,  logits_stride,  experts, top_k, normalize != 0, chosen, chosen_stride,
                             weights, weights_stride, nullptr, 0,     nullptr,        0};
    for_each_token(ctx, tokens, experts, [&](int64_t token, float* scratch) { ctx->isa.kernels.expert.route(a, token, scratch); });
  });
}

he_status he_route_experts_backward(he_context* ctx, int64_t tokens, int64_t experts, int64_t top_k, int32_t normalize, const float* logits,
                                    int64_t logits_stride, const int32_t* chosen, int64_t chosen_stride, const float* d_weights,
                                    int64_t d_weights_stride, float* d_logits, int64_t d_logits_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "route experts backward: context is null");
    he::require(tokens >= 0 && experts > 0 && experts <= INT32_MAX && top_k >= 0 && top_k <= experts,
                "route experts backward: top_k must be 0 to the experts");
    if (tokens == 0) return;
    he::require(logits != nullptr && chosen != nullptr && d_weights != nullptr && d_logits != nullptr,
                "route experts backward: logits, chosen, d_weights and d_logits must not be null");
    for (int64_t t = 0; t < tokens; ++t)
      require_below(chosen + t * chosen_stride, top_k, experts, "route experts backward: a chosen expert does not exist");
    const he::cpu::Routing a{logits,         logits_stride, experts, top_k,     normalize != 0,   const_cast<int32_t*>(chosen),
                             chosen_stride,  nullptr,       0,       d_weights, d_weights_stride, d_logits,
                             d_logits_stride};
    for_each_token(ctx, tokens, experts, [&](int64_t token, float* scratch) { ctx->isa.kernels.expert.route_backward(a, token, scratch); });
  });
}

// A counting sort, stable: integers only, the same on every instruction set.
he_status he_group_choices(he_context* ctx, int64_t tokens, int64_t experts, int64_t top_k, const int32_t* chosen, int32_t* row_offsets,
                           int32_t* owners, int32_t* slots) {
  return he::guard([&] {
    he::require(ctx != nullptr, "group choices: context is null");
    he::require(tokens >= 0 && top_k >= 0 && experts > 0 && (top_k == 0 || tokens <= INT32_MAX / top_k), "group choices: a size is out of range");
    he::require(row_offsets != nullptr, "group choices: row_offsets must not be null");
    const int64_t choices = tokens * top_k;
    he::require(choices == 0 || (chosen != nullptr && owners != nullptr && slots != nullptr), "group choices: chosen, owners and slots must not be null");
    require_below(chosen, choices, experts, "group choices: a chosen expert does not exist");
    std::fill_n(row_offsets, experts + 1, 0);
    for (int64_t i = 0; i < choices; ++i) ++row_offsets[chosen[i] + 1];
    for (int64_t e = 0; e < experts; ++e) row_offsets[e + 1] += row_offsets[e];
    // row_offsets[e] counts up through expert e's rows and ends where e + 1 begins; shifted back afterwards.
    for (int64_t i = 0; i < choices; ++i) {
      const int32_t row = row_offsets[chosen[i]]++;
      owners[row] = static_cast<int32_t>(i / top_k);
      slots[i] = row;
    }
    for (int64_t e = experts; e > 0; --e) row_offsets[e] = row_offsets[e - 1];
    row_offsets[0] = 0;
  });
}

he_status he_combine_choices(he_context* ctx, int64_t tokens, int64_t top_k, int64_t width, const float* grouped, int64_t grouped_stride,
                             const int32_t* slots, const float* weights, int64_t weights_stride, float* y, int64_t y_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "combine choices: context is null");
    he::require(tokens >= 0 && top_k >= 0 && width >= 0, "combine choices: a size is negative");
    if (tokens == 0 || width == 0) return;
    he::require(y != nullptr && (top_k == 0 || (grouped != nullptr && slots != nullptr && weights != nullptr)), "combine choices: an argument is null");
    require_below(slots, tokens * top_k, tokens * top_k, "combine choices: a slot does not exist");
    he::cpu::Combination a{};
    a.top_k = top_k, a.width = width, a.grouped = grouped, a.grouped_stride = grouped_stride, a.slots = slots;
    a.weights = weights, a.weights_stride = weights_stride, a.y = y, a.y_stride = y_stride;
    he::for_each_rows(ctx, tokens, width * (top_k + 1), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) ctx->isa.kernels.expert.combine(a, t);
    });
  });
}

he_status he_combine_choices_backward(he_context* ctx, int64_t tokens, int64_t top_k, int64_t width, const float* grouped, int64_t grouped_stride,
                                      const int32_t* slots, const float* weights, int64_t weights_stride, const float* dy, int64_t dy_stride,
                                      float* d_grouped, int64_t d_grouped_stride, float* d_weights, int64_t d_weights_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "combine choices backward: context is null");
    he::require(tokens >= 0 && top_k >= 0 && width >= 0, "combine choices backward: a size is negative");
    if (tokens == 0 || top_k == 0) return;
    he::require(grouped != nullptr && slots != nullptr && weights != nullptr && dy != nullptr && d_grouped != nullptr && d_weights != nullptr,
                "combine choices backward: an argument is null");
    require_below(slots, tokens * top_k, tokens * top_k, "combine choices backward: a slot does not exist");
    he::cpu::Combination a{};
    a.top_k = top_k, a.width = width, a.grouped = grouped, a.grouped_stride = grouped_stride, a.slots = slots;
    a.weights = weights, a.weights_stride = weights_stride, a.dy = dy, a.dy_stride = dy_stride;
    a.d_grouped = d_grouped, a.d_grouped_stride = d_grouped_stride, a.d_weights = d_weights, a.d_weights_stride = d_weights_stride;
    he::for_each_rows(ctx, tokens, width * (2 * top_k + 1), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) ctx->isa.kernels.expert.combine_backward(a, t);
    });
  });
}

// One thread: the sums run over the tokens in order, and there are as many of them as experts.
he_status he_expert_load(he_context* ctx, int64_t tokens, int64_t experts, int64_t top_k, const float* logits, int64_t logits_stride,
                         const int32_t* chosen, double* counts, double* probabilities) {
  return he::guard([&] {
    he::require(ctx != nullptr, "expert load: context is null");
    he::require(tokens >= 0 && experts > 0 && top_k >= 0, "expert load: a size is out of range");
    if (tokens == 0) return;
    he::require(logits != nullptr && counts != nullptr && probabilities != nullptr && (top_k == 0 || chosen != nullptr), "expert load: an argument is null");
    require_below(chosen, tokens * top_k, experts, "expert load: a chosen expert does not exist");
    ctx->scratch.reserve(static_cast<size_t>(experts));
    float* p = ctx->scratch.of(0);
    for (int64_t i = 0; i < tokens * top_k; ++i) counts[chosen[i]] += 1;
    for (int64_t t = 0; t < tokens; ++t) {
      ctx->isa.kernels.expert.softmax(logits + t * logits_stride, experts, p);
      for (int64_t e = 0; e < experts; ++e) probabilities[e] += p[e];
    }
  });
}

he_status he_expert_load_backward(he_context* ctx, int64_t tokens, int64_t experts, const float* logits, int64_t logits_stride,
                                  const float* d_probabilities, float* d_logits, int64_t d_logits_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "expert load backward: context is null");
    he::require(tokens >= 0 && experts > 0, "expert load backward: a size is out of range");
    if (tokens == 0) return;
    he::require(logits != nullptr && d_probabilities != nullptr && d_logits != nullptr, "expert load backward: an argument is null");
    for_each_token(ctx, tokens, experts, [&](int64_t t, float* scratch) {
      ctx->isa.kernels.expert.load_backward(logits + t * logits_stride, d_probabilities, experts, d_logits + t * d_logits_stride, scratch);
    });
  });
}

}  // extern "C"
