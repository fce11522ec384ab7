// Head exports.
#include "abi/guard.h"
#include "core/context.h"

using he::guard;
using he::require;

namespace {

void require_head(int64_t tokens, int64_t width, int64_t vocabulary, float temperature, float soft_cap) {
  require(tokens >= 0 && width >= 0, "head: tokens and width must be 0 or more");
  require(vocabulary > 0, "head: the vocabulary is empty");
  require(temperature > 0, "head: temperature must be greater than 0");
  require(soft_cap >= 0, "head: soft_cap must be 0 (off) or more");
}

}  // namespace

extern "C" {

he_status he_log_probs(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const float* head, int64_t vocabulary,
                       const float* bias, const int32_t* targets, float temperature, float soft_cap, float* log_prob, float* log_sum_exp, float* entropy) {
  return guard([&] {
    require_head(tokens, width, vocabulary, temperature, soft_cap);
    const he::cpu::HeadInputs in{hidden, hidden_stride, tokens, width, head, vocabulary, bias, targets, temperature, soft_cap};
    ctx->isa.kernels.head.log_probs(ctx->resources(), in, log_prob, log_sum_exp, entropy);
  });
}

he_status he_log_probs_backward(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const float* head, int64_t vocabulary,
                                const float* bias, const int32_t* targets, float temperature, float soft_cap, const float* log_sum_exp, const float* entropy,
                                const float* d_log_prob, const float* d_log_sum_exp, const float* d_entropy, float* d_hidden, int64_t d_hidden_stride, float* d_head,
                                float* d_bias) {
  return guard([&] {
    require_head(tokens, width, vocabulary, temperature, soft_cap);
    require(d_entropy == nullptr || entropy != nullptr, "head: d_entropy needs the forward's entropy");
    const he::cpu::HeadInputs in{hidden, hidden_stride, tokens, width, head, vocabulary, bias, targets, temperature, soft_cap};
    const he::cpu::HeadGradients gradients{log_sum_exp, entropy, d_log_prob, d_log_sum_exp, d_entropy, d_hidden, d_hidden_stride, d_head, d_bias};
    ctx->isa.kernels.head.log_probs_backward(ctx->resources(), in, gradients);
  });
}

he_status he_logits(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t rows, int64_t width, const float* head, int64_t vocabulary, const float* bias,
                    float soft_cap, float* y, int64_t y_stride) {
  return guard([&] {
    require(rows >= 0 && width >= 0 && vocabulary >= 0, "logits: rows, width and vocabulary must be 0 or more");
    require(soft_cap >= 0, "logits: soft_cap must be 0 (off) or more");
    const he::cpu::HeadInputs in{hidden, hidden_stride, rows, width, head, vocabulary, bias, nullptr, 1.0f, soft_cap};
    ctx->isa.kernels.head.logits(ctx->resources(), in, y, y_stride);
  });
}

}  // extern "C"
