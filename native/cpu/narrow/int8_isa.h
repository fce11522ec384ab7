// The int8 functions of one engine: gathered into its table by narrow.cpp.
#pragma once
#include "cpu/narrow/narrow.h"
#include "cpu/simd/isa.h"

HE_ISA_BEGIN

// int8_rows.cpp
size_t int8_rows_floats(int64_t rows, int64_t inputs);
void int8_quantize(const float* x, int64_t x_stride, CompactType weights, const Int8Rows& a);
void int8_quantize_shared(const Resources&, const float* x, int64_t x_stride, CompactType weights, const Int8Rows& a);

// int8_product.cpp
size_t int8_scratch_floats(int64_t inputs);
void int8_product(const CompactWeight& w, const Int8Rows& a, const Int8Product& p, float* scratch);
void int8_blocks_product(const CompactWeight& w, const Int8Rows& a, int64_t first, int64_t end, const Int8Product& p, float* scratch);

// int8_forward.cpp
void int8_forward(const Resources&, const float* x, int64_t x_stride, int64_t rows, const CompactWeight& w, const float* bias, float* y, int64_t y_stride,
                  bool accumulate);

HE_ISA_END
