// The linear family's functions of one instruction set: one file each, gathered into the table by linear.cpp.
#pragma once
#include "cpu/linear/linear.h"
#include "cpu/simd/isa.h"

HE_ISA_BEGIN

void linear_pack(const Resources&, const float* source, int64_t source_stride, int64_t outputs, int64_t inputs, float* packed);
void linear_unpack(const Resources&, const float* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride);
void linear_forward(const Resources&, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const float* w, int64_t outputs, const float* bias, float* y,
                    int64_t y_stride, bool accumulate);
void linear_backward_input(const Resources&, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const float* w, int64_t inputs, float* dx,
                           int64_t dx_stride, bool accumulate);
void linear_backward_weight(const Resources&, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs, int64_t outputs,
                            float* dw, float* dbias);

// The parts of backward_weight, for callers that use the same x with many dy.
// Columns of x in the order in which tiles read them: blocks of the tile's height, [block][row][column in block].
int64_t linear_columns_length(int64_t rows, int64_t columns);  // floats
void linear_pack_columns(const Resources&, const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* packed);
// dy by panels: [o / 32][row][o % 32], zeros where there is no output.
int64_t linear_slices_length(int64_t rows, int64_t outputs);  // floats
void linear_pack_slices(const Resources&, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, float* slices);
// dw, which begins at the first of these columns and outputs, += dy^T x; inputs is the width of the whole weight.
void linear_backward_weight_packed(const Resources&, const float* packed, int64_t columns, const float* slices, int64_t rows, int64_t inputs, int64_t outputs, float* dw);
void linear_backward_bias_packed(const Resources&, const float* slices, int64_t rows, int64_t outputs, float* dbias);

// The transpose of columns [k0, k0 + columns) of W, packed as a weight [columns, outputs]: T[k / 32][o][k % 32]. k0 is a multiple of 32.
void linear_transpose(const Resources&, const float* w, int64_t outputs, int64_t inputs, int64_t k0, int64_t columns, float* transposed);
void linear_merge_lora(const Resources&, const float* w, int64_t outputs, int64_t inputs, const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                       int64_t rank, float scale, float* destination);

HE_ISA_END
