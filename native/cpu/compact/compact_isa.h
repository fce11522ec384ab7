// The compact family's functions of one instruction set: one file each, gathered into the table by compact.cpp.
#pragma once
#include "cpu/compact/compact.h"
#include "cpu/simd/isa.h"

HE_ISA_BEGIN

void compact_pack(const Resources&, CompactType, const uint8_t* source, int64_t outputs, int64_t inputs, uint8_t* packed);
void compact_unpack(const Resources&, const CompactWeight&, float* destination, int64_t destination_stride);
void compact_forward(const Resources&, const float* x, int64_t x_stride, int64_t rows, const CompactWeight&, const float* bias, float* y, int64_t y_stride,
                     bool accumulate);
void compact_embed(const Resources&, const int32_t* ids, int64_t tokens, const CompactWeight& table, float scale, int32_t offset, float* y, int64_t y_stride,
                   bool accumulate);

HE_ISA_END
