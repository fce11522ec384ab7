// The bf16 functions of one engine: gathered into its table by narrow.cpp.
#pragma once
#include "cpu/narrow/narrow.h"
#include "cpu/simd/isa.h"

HE_ISA_BEGIN

// bf16_layout.cpp
void bf16_pack(const Resources&, const uint16_t* source, int64_t source_stride, int64_t outputs, int64_t inputs, uint16_t* packed);
void bf16_unpack(const Resources&, const uint16_t* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride);
void bf16_narrow(const Resources&, const float* master, int64_t outputs, int64_t inputs, uint16_t* packed);
void bf16_embed(const Resources&, const int32_t* ids, int64_t tokens, const uint16_t* table, int64_t vocabulary, int64_t width, float scale, int32_t offset, float* y,
                int64_t y_stride, bool accumulate);
void bf16_transpose(const Resources&, const uint16_t* w, int64_t outputs, int64_t inputs, int64_t k0, int64_t columns, uint16_t* transposed);
void bf16_pack_slices(const Resources&, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, uint16_t* slices);

// bf16_forward.cpp
size_t bf16_rows_floats(int64_t rows, int64_t inner);
void bf16_pack_rows(const float* x, int64_t x_stride, const NarrowRows& a);
void bf16_pack_rows_shared(const Resources&, const float* x, int64_t x_stride, const NarrowRows& a);
void bf16_product(const NarrowRows& a, const NarrowProduct& p);
void bf16_product_shared(const Resources&, const NarrowRows& a, const NarrowProduct& p);
void bf16_forward(const Resources&, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const uint16_t* w, int64_t outputs, const float* bias, float* y,
                  int64_t y_stride, bool accumulate);

// bf16_backward.cpp
void bf16_pack_columns(const Resources&, const float* x, int64_t x_stride, const NarrowRows& a);
void bf16_weight_product(const Resources&, const NarrowRows& a, const uint16_t* slices, int64_t inputs, int64_t outputs, float* dw);
void bf16_backward_input(const Resources&, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const uint16_t* w, int64_t inputs, float* dx,
                         int64_t dx_stride, bool accumulate);
void bf16_backward_weight(const Resources&, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs, int64_t outputs, float* dw,
                          float* dbias);

HE_ISA_END
