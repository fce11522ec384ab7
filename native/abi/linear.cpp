// Linear exports.
#include "abi/guard.h"
#include "core/context.h"

using he::guard;
using he::require;

extern "C" {

int64_t he_linear_packed_length(int64_t outputs, int64_t inputs) { return (outputs + he::cpu::kPanel - 1) / he::cpu::kPanel * he::cpu::kPanel * inputs; }

he_status he_linear_pack(he_context* ctx, const float* source, int64_t source_stride, int64_t outputs, int64_t inputs, float* packed) {
  return guard([&] {
    require(outputs >= 0 && inputs >= 0, "linear_pack: outputs and inputs must be 0 or more");
    ctx->isa.kernels.linear.pack(ctx->resources(), source, source_stride, outputs, inputs, packed);
  });
}

he_status he_linear_unpack(he_context* ctx, const float* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride) {
  return guard([&] {
    require(outputs >= 0 && inputs >= 0, "linear_unpack: outputs and inputs must be 0 or more");
    ctx->isa.kernels.linear.unpack(ctx->resources(), packed, outputs, inputs, destination, destination_stride);
  });
}

he_status he_linear_forward(he_context* ctx, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const float* w, int64_t outputs, const float* bias,
                            float* y, int64_t y_stride, int32_t accumulate) {
  return guard([&] {
    require(rows >= 0 && outputs >= 0 && inputs >= 0, "linear_forward: rows, outputs and inputs must be 0 or more");
    ctx->isa.kernels.linear.forward(ctx->resources(), x, x_stride, rows, inputs, w, outputs, bias, y, y_stride, accumulate != 0);
  });
}

he_status he_linear_backward_input(he_context* ctx, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const float* w, int64_t inputs, float* dx,
                                   int64_t dx_stride, int32_t accumulate) {
  return guard([&] {
    require(rows >= 0 && outputs >= 0 && inputs >= 0, "linear_backward_input: rows, outputs and inputs must be 0 or more");
    ctx->isa.kernels.linear.backward_input(ctx->resources(), dy, dy_stride, rows, outputs, w, inputs, dx, dx_stride, accumulate != 0);
  });
}

he_status he_linear_backward_weight(he_context* ctx, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs,
                                    int64_t outputs, float* dw, float* dbias) {
  return guard([&] {
    require(rows >= 0 && outputs >= 0 && inputs >= 0, "linear_backward_weight: rows, outputs and inputs must be 0 or more");
    ctx->isa.kernels.linear.backward_weight(ctx->resources(), x, x_stride, dy, dy_stride, rows, inputs, outputs, dw, dbias);
  });
}

he_status he_linear_merge_lora(he_context* ctx, const float* w, int64_t outputs, int64_t inputs, const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                               int64_t rank, float scale, float* destination) {
  return guard([&] {
    require(outputs >= 0 && inputs >= 0 && rank >= 0, "linear_merge_lora: outputs, inputs and rank must be 0 or more");
    ctx->isa.kernels.linear.merge_lora(ctx->resources(), w, outputs, inputs, a, a_stride, b, b_stride, rank, scale, destination);
  });
}

}  // extern "C"
