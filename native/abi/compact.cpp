// Compact exports.
#include "abi/guard.h"
#include "core/context.h"
#include "cpu/narrow/narrow.h"

using he::guard;
using he::require;
using he::cpu::CompactType;
using he::cpu::CompactWeight;

namespace {

bool known(int32_t type) { return he::cpu::compact_sizes(static_cast<CompactType>(type)).values > 0; }

CompactWeight weight(int32_t type, const void* data, int64_t outputs, int64_t inputs) {
  require(known(type), "compact: unknown weight type");
  require(outputs >= 0 && inputs >= 0, "compact: outputs and inputs must be 0 or more");
  require(inputs % he::cpu::compact_sizes(static_cast<CompactType>(type)).values == 0, "compact: inputs must fill whole blocks (of 32; 256 for K types)");
  return {static_cast<CompactType>(type), static_cast<const uint8_t*>(data), outputs, inputs};
}

he::cpu::HeadInputs head(const CompactWeight& w, const float* hidden, int64_t hidden_stride, int64_t tokens, const float* bias, const int32_t* targets,
                         float temperature, float soft_cap) {
  require(tokens >= 0, "head: tokens must be 0 or more");
  require(w.outputs > 0, "head: the vocabulary is empty");
  require(temperature > 0, "head: temperature must be greater than 0");
  require(soft_cap >= 0, "head: soft_cap must be 0 (off) or more");
  he::cpu::HeadInputs in{hidden, hidden_stride, tokens, w.inputs, nullptr, w.outputs, bias, targets, temperature, soft_cap};
  in.compact = &w;
  return in;
}

// One that products with activations of 8 bits take.
CompactWeight int8_weight(int32_t type, const void* data, int64_t outputs, int64_t inputs) {
  const CompactWeight w = weight(type, data, outputs, inputs);
  require(w.type != CompactType::bfloat16 && w.type != CompactType::float16, "int8: weights of 16 bits, expected a block type");
  return w;
}

}  // namespace

extern "C" {

int64_t he_compact_length(int32_t type, int64_t outputs, int64_t inputs) {
  const he::cpu::CompactSizes sizes = he::cpu::compact_sizes(static_cast<CompactType>(type));
  if (sizes.values == 0 || outputs < 0 || inputs < 0 || inputs % sizes.values != 0) return -1;
  const int64_t panels = (outputs + he::cpu::kCompactOutputs - 1) / he::cpu::kCompactOutputs;
  return panels * he::cpu::kCompactOutputs * (inputs / sizes.values) * sizes.packed;
}

he_status he_compact_pack(he_context* ctx, int32_t type, const void* source, int64_t outputs, int64_t inputs, void* packed) {
  return guard([&] {
    const CompactWeight w = weight(type, packed, outputs, inputs);
    ctx->isa.kernels.compact.pack(ctx->resources(), w.type, static_cast<const uint8_t*>(source), outputs, inputs, static_cast<uint8_t*>(packed));
  });
}

he_status he_compact_unpack(he_context* ctx, int32_t type, const void* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride) {
  return guard([&] { ctx->isa.kernels.compact.unpack(ctx->resources(), weight(type, packed, outputs, inputs), destination, destination_stride); });
}

he_status he_compact_linear(he_context* ctx, int32_t type, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const void* w, int64_t outputs,
                            const float* bias, float* y, int64_t y_stride, int32_t accumulate) {
  return guard([&] {
    require(rows >= 0, "compact_linear: rows must be 0 or more");
    ctx->isa.kernels.compact.forward(ctx->resources(), x, x_stride, rows, weight(type, w, outputs, inputs), bias, y, y_stride, accumulate != 0);
  });
}

he_status he_compact_embed(he_context* ctx, int32_t type, const int32_t* ids, int64_t tokens, const void* table, int64_t vocabulary, int64_t width, float scale,
                           int32_t offset, float* y, int64_t y_stride, int32_t accumulate) {
  return guard([&] {
    require(tokens >= 0, "compact_embed: tokens must be 0 or more");
    require(tokens == 0 || vocabulary > 0, "compact_embed: the table has no rows");
    ctx->isa.kernels.compact.embed(ctx->resources(), ids, tokens, weight(type, table, vocabulary, width), scale, offset, y, y_stride, accumulate != 0);
  });
}

he_status he_compact_log_probs(he_context* ctx, int32_t type, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const void* w,
                               int64_t vocabulary, const float* bias, const int32_t* targets, float temperature, float soft_cap, float* log_prob, float* log_sum_exp,
                               float* entropy) {
  return guard([&] {
    const CompactWeight table = weight(type, w, vocabulary, width);
    ctx->isa.kernels.head.log_probs(ctx->resources(), head(table, hidden, hidden_stride, tokens, bias, targets, temperature, soft_cap), log_prob, log_sum_exp, entropy);
  });
}

he_status he_compact_logits(he_context* ctx, int32_t type, const float* hidden, int64_t hidden_stride, int64_t rows, int64_t width, const void* w, int64_t vocabulary,
                            const float* bias, float soft_cap, float* y, int64_t y_stride) {
  return guard([&] {
    const CompactWeight table = weight(type, w, vocabulary, width);
    ctx->isa.kernels.head.logits(ctx->resources(), head(table, hidden, hidden_stride, rows, bias, nullptr, 1, soft_cap), y, y_stride);
  });
}

he_status he_int8_linear(he_context* ctx, int32_t type, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const void* w, int64_t outputs,
                         const float* bias, float* y, int64_t y_stride, int32_t accumulate) {
  return guard([&] {
    require(rows >= 0, "int8_linear: rows must be 0 or more");
    ctx->narrow.int8.forward(ctx->resources(), x, x_stride, rows, int8_weight(type, w, outputs, inputs), bias, y, y_stride, accumulate != 0);
  });
}

he_status he_int8_log_probs(he_context* ctx, int32_t type, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const void* w, int64_t vocabulary,
                            const float* bias, const int32_t* targets, float temperature, float soft_cap, float* log_prob, float* log_sum_exp, float* entropy) {
  return guard([&] {
    const CompactWeight table = int8_weight(type, w, vocabulary, width);
    he::cpu::HeadInputs in = head(table, hidden, hidden_stride, tokens, bias, targets, temperature, soft_cap);
    in.int8 = true;
    ctx->isa.kernels.head.log_probs(ctx->resources(), in, log_prob, log_sum_exp, entropy);
  });
}

he_status he_int8_logits(he_context* ctx, int32_t type, const float* hidden, int64_t hidden_stride, int64_t rows, int64_t width, const void* w, int64_t vocabulary,
                         const float* bias, float soft_cap, float* y, int64_t y_stride) {
  return guard([&] {
    const CompactWeight table = int8_weight(type, w, vocabulary, width);
    he::cpu::HeadInputs in = head(table, hidden, hidden_stride, rows, bias, nullptr, 1, soft_cap);
    in.int8 = true;
    ctx->isa.kernels.head.logits(ctx->resources(), in, y, y_stride);
  });
}

}  // extern "C"
