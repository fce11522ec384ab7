// Matrix engines for narrow types: products whose operands are bf16 (or 8-bit integers), compiled once per engine (cmake/Isa.cmake) because the instructions
// differ in the order of their sums: docs/numerics.md has each order, `variant` its name. A context holds the tables of the engines that it chose
// (core/dispatch.cpp), and kernels of other rooms reach them through Resources.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/resources.h"
#include "cpu/compact/compact.h"

namespace he::cpu {

// A bf16 weight: panels of 32 outputs, P[o / 32][k / 2][o % 32][k % 2]: pairs of inputs side by side. Outputs and inputs are padded with zeros to multiples of 32.
inline constexpr int64_t kNarrowPanel = 32;
inline constexpr int64_t narrow_padded(int64_t n) { return (n + kNarrowPanel - 1) / kNarrowPanel * kNarrowPanel; }

// Rows of activations as an engine's tiles read them, rounded to bf16 once a product: its own layout, in memory of the caller.
struct NarrowRows {
  void* data;
  int64_t rows, inner;  // inner: length of the sums
  bool columns;         // packed from columns (the weight gradient), not from rows
};

// C [rows, columns] = A B + bias, or += with accumulate. B: panels of a bf16 weight, `panel` elements apart; columns may span many.
struct NarrowProduct {
  const uint16_t* b;
  int64_t panel;
  float* c;
  int64_t c_row;
  int64_t columns;
  const float* bias;  // [columns] or null
  bool accumulate;
};

struct Bf16Kernels {
  const char* engine;
  const char* variant;

  // Whole calls, shared out over the threads. Strides count elements. Scratch is the context's.
  void (*pack)(const Resources&, const uint16_t* source, int64_t source_stride, int64_t outputs, int64_t inputs, uint16_t* packed);
  void (*unpack)(const Resources&, const uint16_t* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride);
  // From a float32 weight in panels (cpu/linear/linear.h).
  void (*narrow)(const Resources&, const float* master, int64_t outputs, int64_t inputs, uint16_t* packed);
  void (*embed)(const Resources&, const int32_t* ids, int64_t tokens, const uint16_t* table, int64_t vocabulary, int64_t width, float scale, int32_t offset, float* y,
                int64_t y_stride, bool accumulate);
  void (*forward)(const Resources&, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const uint16_t* w, int64_t outputs, const float* bias, float* y,
                  int64_t y_stride, bool accumulate);
  void (*backward_input)(const Resources&, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const uint16_t* w, int64_t inputs, float* dx,
                         int64_t dx_stride, bool accumulate);
  // dw: float32 panels. dbias sums dy in float32; or null.
  void (*backward_weight)(const Resources&, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs, int64_t outputs,
                          float* dw, float* dbias);

  // Their parts, for callers that use an operand more than once; buffers are the caller's, aligned to 64 bytes.
  size_t (*rows_floats)(int64_t rows, int64_t inner);  // room that NarrowRows::data needs, in floats
  void (*pack_rows)(const float* x, int64_t x_stride, const NarrowRows& a);          // on this thread
  void (*pack_rows_shared)(const Resources&, const float* x, int64_t x_stride, const NarrowRows& a);
  void (*pack_columns)(const Resources&, const float* x, int64_t x_stride, const NarrowRows& a);  // x [a.inner, a.rows]
  // dy [rows, outputs] as a weight [outputs, rows]: P[o / 32][row / 2][o % 32][row % 2].
  void (*pack_slices)(const Resources&, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, uint16_t* slices);
  // Columns [k0, k0 + columns) of W as a weight [columns, outputs]; k0 is a multiple of 32.
  void (*transpose)(const Resources&, const uint16_t* w, int64_t outputs, int64_t inputs, int64_t k0, int64_t columns, uint16_t* transposed);
  void (*product)(const NarrowRows& a, const NarrowProduct& p);                           // on this thread
  void (*product_shared)(const Resources&, const NarrowRows& a, const NarrowProduct& p);  // rows and panels shared out
  // dw, which begins at the first of a's columns and slices' outputs, += slices^T a; inputs is the width of the whole weight.
  void (*weight_product)(const Resources&, const NarrowRows& a, const uint16_t* slices, int64_t inputs, int64_t outputs, float* dw);
};

// Rows of activations in 8 bits, for the products with weights of one type (cpu/narrow/int8_rows.h), in memory of the caller.
struct Int8Rows {
  void* data;
  int64_t rows, inputs;
};

// C [rows, columns] = A W^T + bias, or += with accumulate, for the columns from `column` (a multiple of 32) on; c and bias begin there.
struct Int8Product {
  int64_t column, columns;
  float* c;
  int64_t c_row;
  const float* bias;  // [columns] or null
  bool accumulate;
};

// Compact weights of fewer than 16 bits times activations of 8 bits, a scale for each row and 32 inputs. One order of sums on every engine: "int8-block32-v1".
struct Int8Kernels {
  const char* engine;
  void (*forward)(const Resources&, const float* x, int64_t x_stride, int64_t rows, const CompactWeight& w, const float* bias, float* y, int64_t y_stride,
                  bool accumulate);

  // Its parts, on this thread; buffers are the caller's, aligned to 64 bytes.
  size_t (*rows_floats)(int64_t rows, int64_t inputs);  // room that Int8Rows::data needs, in floats
  void (*quantize)(const float* x, int64_t x_stride, CompactType weights, const Int8Rows& a);
  size_t (*scratch_floats)(int64_t inputs);  // working memory of a product
  void (*product)(const CompactWeight& w, const Int8Rows& a, const Int8Product& p, float* scratch);
};

struct NarrowKernels {
  Bf16Kernels bf16;
  Int8Kernels int8;
};

}  // namespace he::cpu
