// Activation exports.
#include "cpu/activation/activation.h"

#include "abi/guard.h"
#include "abi/ranges.h"
#include "core/context.h"

namespace {

he::cpu::Activation activation(int32_t kind) {
  he::require(kind >= 0 && kind <= 3, "activation: kind must be 0 (relu), 1 (silu), 2 (gelu) or 3 (gelu_tanh)");
  return static_cast<he::cpu::Activation>(kind);
}

}  // namespace

extern "C" {

he_status he_activate(he_context* ctx, int32_t kind, int64_t rows, int64_t width, const float* x, int64_t x_stride, float* y,
                      int64_t y_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "activate: context is null");
    he::require(rows >= 0 && width >= 0, "activate: rows and width must not be negative");
    const he::cpu::Activation k = activation(kind);
    if (rows == 0 || width == 0) return;
    he::require(x != nullptr && y != nullptr, "activate: x and y must not be null");
    he::for_each_run(ctx, rows, width, x_stride == width && y_stride == width, [&](int64_t row, int64_t column, int64_t n) {
      ctx->isa.kernels.activation.activate(k, x + row * x_stride + column, y + row * y_stride + column, n);
    });
  });
}

he_status he_activate_backward(he_context* ctx, int32_t kind, int64_t rows, int64_t width, const float* x, int64_t x_stride,
                               const float* dy, int64_t dy_stride, float* dx, int64_t dx_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "activate backward: context is null");
    he::require(rows >= 0 && width >= 0, "activate backward: rows and width must not be negative");
    const he::cpu::Activation k = activation(kind);
    if (rows == 0 || width == 0) return;
    he::require(x != nullptr && dy != nullptr && dx != nullptr, "activate backward: x, dy and dx must not be null");
    const bool dense = x_stride == width && dy_stride == width && dx_stride == width;
    he::for_each_run(ctx, rows, width, dense, [&](int64_t row, int64_t column, int64_t n) {
      ctx->isa.kernels.activation.activate_backward(k, x + row * x_stride + column, dy + row * dy_stride + column,
                                                    dx + row * dx_stride + column, n);
    });
  });
}

he_status he_gate(he_context* ctx, int32_t kind, int64_t rows, int64_t width, const float* gate, int64_t gate_stride, const float* up,
                  int64_t up_stride, float* y, int64_t y_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "gate: context is null");
    he::require(rows >= 0 && width >= 0, "gate: rows and width must not be negative");
    const he::cpu::Activation k = activation(kind);
    if (rows == 0 || width == 0) return;
    he::require(gate != nullptr && up != nullptr && y != nullptr, "gate: gate, up and y must not be null");
    const bool dense = gate_stride == width && up_stride == width && y_stride == width;
    he::for_each_run(ctx, rows, width, dense, [&](int64_t row, int64_t column, int64_t n) {
      ctx->isa.kernels.activation.gate(k, gate + row * gate_stride + column, up + row * up_stride + column, y + row * y_stride + column, n);
    });
  });
}

he_status he_gate_backward(he_context* ctx, int32_t kind, int64_t rows, int64_t width, const float* gate, int64_t gate_stride,
                           const float* up, int64_t up_stride, const float* dy, int64_t dy_stride, float* d_gate, int64_t d_gate_stride,
                           float* d_up, int64_t d_up_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "gate backward: context is null");
    he::require(rows >= 0 && width >= 0, "gate backward: rows and width must not be negative");
    const he::cpu::Activation k = activation(kind);
    if (rows == 0 || width == 0) return;
    he::require(gate != nullptr && up != nullptr && dy != nullptr && d_gate != nullptr && d_up != nullptr,
                "gate backward: gate, up, dy, d_gate and d_up must not be null");
    const bool dense = gate_stride == width && up_stride == width && dy_stride == width && d_gate_stride == width && d_up_stride == width;
    he::for_each_run(ctx, rows, width, dense, [&](int64_t row, int64_t column, int64_t n) {
      ctx->isa.kernels.activation.gate_backward(k, gate + row * gate_stride + column, up + row * up_stride + column,
                                                dy + row * dy_stride + column, d_gate + row * d_gate_stride + column,
                                                d_up + row * d_up_stride + column, n);
    });
  });
}

he_status he_axpby(he_context* ctx, int64_t rows, int64_t width, float alpha, const float* x, int64_t x_stride, float beta, float* y,
                   int64_t y_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "axpby: context is null");
    he::require(rows >= 0 && width >= 0, "axpby: rows and width must not be negative");
    if (rows == 0 || width == 0) return;
    he::require(x != nullptr && y != nullptr, "axpby: x and y must not be null");
    he::for_each_run(ctx, rows, width, x_stride == width && y_stride == width, [&](int64_t row, int64_t column, int64_t n) {
      ctx->isa.kernels.activation.axpby(alpha, x + row * x_stride + column, beta, y + row * y_stride + column, n);
    });
  });
}

he_status he_scale_columns(he_context* ctx, int64_t rows, int64_t width, const float* x, int64_t x_stride, const float* scale,
                           const float* offset, float* y, int64_t y_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "scale columns: context is null");
    he::require(rows >= 0 && width >= 0, "scale columns: rows and width must not be negative");
    if (rows == 0 || width == 0) return;
    he::require(x != nullptr && scale != nullptr && y != nullptr, "scale columns: x, scale and y must not be null");
    he::for_each_rows(ctx, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) ctx->isa.kernels.activation.scale_columns(x + row * x_stride, scale, offset, y + row * y_stride, width);
    });
  });
}

}  // extern "C"
