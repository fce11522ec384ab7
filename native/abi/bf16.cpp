// Exports of products in bf16.
#include "abi/guard.h"
#include "core/context.h"

using he::guard;
using he::require;

namespace {

he::cpu::HeadInputs head(const uint16_t* w, int64_t vocabulary, int64_t width, const float* hidden, int64_t hidden_stride, int64_t tokens, const float* bias,
                         const int32_t* targets, float temperature, float soft_cap) {
  require(tokens >= 0 && width >= 0, "head: tokens and width must be 0 or more");
  require(vocabulary > 0, "head: the vocabulary is empty");
  require(w != nullptr, "head: the weight is null");
  require(temperature > 0, "head: temperature must be greater than 0");
  require(soft_cap >= 0, "head: soft_cap must be 0 (off) or more");
  he::cpu::HeadInputs in{hidden, hidden_stride, tokens, width, nullptr, vocabulary, bias, targets, temperature, soft_cap};
  in.bf16 = w;
  return in;
}

}  // namespace

extern "C" {

int64_t he_bf16_length(int64_t outputs, int64_t inputs) { return he::cpu::narrow_padded(outputs) * he::cpu::narrow_padded(inputs); }

he_status he_bf16_pack(he_context* ctx, const uint16_t* source, int64_t source_stride, int64_t outputs, int64_t inputs, uint16_t* packed) {
  return guard([&] {
    require(outputs >= 0 && inputs >= 0, "bf16_pack: outputs and inputs must be 0 or more");
    ctx->narrow.bf16.pack(ctx->resources(), source, source_stride, outputs, inputs, packed);
  });
}

he_status he_bf16_unpack(he_context* ctx, const uint16_t* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride) {
  return guard([&] {
    require(outputs >= 0 && inputs >= 0, "bf16_unpack: outputs and inputs must be 0 or more");
    ctx->narrow.bf16.unpack(ctx->resources(), packed, outputs, inputs, destination, destination_stride);
  });
}

he_status he_bf16_narrow(he_context* ctx, const float* master, int64_t outputs, int64_t inputs, uint16_t* packed) {
  return guard([&] {
    require(outputs >= 0 && inputs >= 0, "bf16_narrow: outputs and inputs must be 0 or more");
    ctx->narrow.bf16.narrow(ctx->resources(), master, outputs, inputs, packed);
  });
}

he_status he_bf16_forward(he_context* ctx, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const uint16_t* w, int64_t outputs, const float* bias,
                          float* y, int64_t y_stride, int32_t accumulate) {
  return guard([&] {
    require(rows >= 0 && outputs >= 0 && inputs >= 0, "bf16_forward: rows, outputs and inputs must be 0 or more");
    ctx->narrow.bf16.forward(ctx->resources(), x, x_stride, rows, inputs, w, outputs, bias, y, y_stride, accumulate != 0);
  });
}

he_status he_bf16_backward_input(he_context* ctx, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const uint16_t* w, int64_t inputs, float* dx,
                                 int64_t dx_stride, int32_t accumulate) {
  return guard([&] {
    require(rows >= 0 && outputs >= 0 && inputs >= 0, "bf16_backward_input: rows, outputs and inputs must be 0 or more");
    ctx->narrow.bf16.backward_input(ctx->resources(), dy, dy_stride, rows, outputs, w, inputs, dx, dx_stride, accumulate != 0);
  });
}

he_status he_bf16_backward_weight(he_context* ctx, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs, int64_t outputs,
                                  float* dw, float* dbias) {
  return guard([&] {
    require(rows >= 0 && outputs >= 0 && inputs >= 0, "bf16_backward_weight: rows, outputs and inputs must be 0 or more");
    ctx->narrow.bf16.backward_weight(ctx->resources(), x, x_stride, dy, dy_stride, rows, inputs, outputs, dw, dbias);
  });
}

he_status he_bf16_embed(he_context* ctx, const int32_t* ids, int64_t tokens, const uint16_t* table, int64_t vocabulary, int64_t width, float scale, int32_t offset,
                        float* y, int64_t y_stride, int32_t accumulate) {
  return guard([&] {
    require(tokens >= 0 && width >= 0, "bf16_embed: tokens and width must be 0 or more");
    require(tokens == 0 || vocabulary > 0, "bf16_embed: the table has no rows");
    ctx->narrow.bf16.embed(ctx->resources(), ids, tokens, table, vocabulary, width, scale, offset, y, y_stride, accumulate != 0);
  });
}

he_status he_bf16_log_probs(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const uint16_t* w, int64_t vocabulary,
                            const float* bias, const int32_t* targets, float temperature, float soft_cap, float* log_prob, float* log_sum_exp, float* entropy) {
  return guard([&] {
    const he::cpu::HeadInputs in = head(w, vocabulary, width, hidden, hidden_stride, tokens, bias, targets, temperature, soft_cap);
    ctx->isa.kernels.head.log_probs(ctx->resources(), in, log_prob, log_sum_exp, entropy);
  });
}

he_status he_bf16_log_probs_backward(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const uint16_t* w, int64_t vocabulary,
                                     const float* bias, const int32_t* targets, float temperature, float soft_cap, const float* log_sum_exp, const float* entropy,
                                     const float* d_log_prob, const float* d_log_sum_exp, const float* d_entropy, float* d_hidden, int64_t d_hidden_stride,
                                     float* d_head, float* d_bias) {
  return guard([&] {
    require(d_entropy == nullptr || entropy != nullptr, "head: d_entropy needs the forward's entropy");
    const he::cpu::HeadInputs in = head(w, vocabulary, width, hidden, hidden_stride, tokens, bias, targets, temperature, soft_cap);
    const he::cpu::HeadGradients gradients{log_sum_exp, entropy, d_log_prob, d_log_sum_exp, d_entropy, d_hidden, d_hidden_stride, d_head, d_bias};
    ctx->isa.kernels.head.log_probs_backward(ctx->resources(), in, gradients);
  });
}

he_status he_bf16_logits(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t rows, int64_t width, const uint16_t* w, int64_t vocabulary,
                         const float* bias, float soft_cap, float* y, int64_t y_stride) {
  return guard([&] {
    const he::cpu::HeadInputs in = head(w, vocabulary, width, hidden, hidden_stride, rows, bias, nullptr, 1, soft_cap);
    ctx->isa.kernels.head.logits(ctx->resources(), in, y, y_stride);
  });
}

}  // extern "C"
