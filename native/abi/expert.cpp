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
      for (int64_t i = 0; i < top_k; ++i)
        he::require(chosen[t * chosen_stride + i] >= 0 && chosen[t * chosen_stride + i] < experts,
                    "route experts backward: a chosen expert does not exist");
    const he::cpu::Routing a{logits,         logits_stride, experts, top_k,     normalize != 0,   const_cast<int32_t*>(chosen),
                             chosen_stride,  nullptr,       0,       d_weights, d_weights_stride, d_logits,
                             d_logits_stride};
    for_each_token(ctx, tokens, experts, [&](int64_t token, float* scratch) { ctx->isa.kernels.expert.route_backward(a, token, scratch); });
  });
}

}  // extern "C"
