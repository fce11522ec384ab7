#include "cpu/narrow/bf16_isa.h"
#include "cpu/narrow/engine.h"
#include "cpu/narrow/int8_isa.h"

HE_ISA_BEGIN

NarrowKernels narrow_kernels();
NarrowKernels narrow_kernels() {
  NarrowKernels k{};
  k.bf16.engine = Bf16Engine::kName;
  k.bf16.variant = Bf16Engine::kVariant;
  k.bf16.pack = bf16_pack;
  k.bf16.unpack = bf16_unpack;
  k.bf16.narrow = bf16_narrow;
  k.bf16.embed = bf16_embed;
  k.bf16.forward = bf16_forward;
  k.bf16.backward_input = bf16_backward_input;
  k.bf16.backward_weight = bf16_backward_weight;
  k.bf16.rows_floats = bf16_rows_floats;
  k.bf16.pack_rows = bf16_pack_rows;
  k.bf16.pack_rows_shared = bf16_pack_rows_shared;
  k.bf16.pack_columns = bf16_pack_columns;
  k.bf16.pack_slices = bf16_pack_slices;
  k.bf16.transpose = bf16_transpose;
  k.bf16.product = bf16_product;
  k.bf16.product_shared = bf16_product_shared;
  k.bf16.weight_product = bf16_weight_product;
  k.int8.engine = Bf16Engine::kName;
  k.int8.forward = int8_forward;
  k.int8.rows_floats = int8_rows_floats;
  k.int8.quantize = int8_quantize;
  k.int8.scratch_floats = int8_scratch_floats;
  k.int8.product = int8_product;
  return k;
}

HE_ISA_END
