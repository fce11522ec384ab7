#include "cuda/linear/linear.h"

#include "cuda/driver/registry.h"
#include "cuda/linear/storage.h"

namespace he::cuda {
namespace {

#define HE_TILES(TILE)                                                   \
  HE_EMULATED(product_bf16_forward_##TILE, product_threads(TILE))        \
  HE_EMULATED(product_bf16_input_##TILE, product_threads(TILE))          \
  HE_EMULATED(product_bf16_weight_##TILE, product_threads(TILE))         \
  HE_EMULATED(product_f32_input_##TILE, kF32Threads)                     \
  HE_EMULATED(product_f32_weight_##TILE, kF32Threads)
HE_TILES(64)
HE_TILES(128)
HE_EMULATED(product_bf16_few_rows, kFewRowsWarps * kWarp)
HE_EMULATED(product_f32_forward_f32_128, kF32Threads)

#define HE_FORMAT(NAME, FORMAT)                                          \
  HE_EMULATED(product_f32_forward_##NAME##_64, kF32Threads)              \
  HE_EMULATED(product_f32_few_rows_##NAME##_1, kFewRowsF32Threads)       \
  HE_EMULATED(product_f32_few_rows_##NAME##_8, kFewRowsF32Threads)
HE_WEIGHT_FORMATS(HE_FORMAT)

HE_EMULATED(narrow_operand_bf16, kStorageThreads)
HE_EMULATED(merge_lora_f32, kStorageThreads)
HE_EMULATED(pack_blocks_q8, kStorageThreads)
HE_EMULATED(pack_blocks_q4, kStorageThreads)
HE_EMULATED(pack_blocks_q4_1, kStorageThreads)

}  // namespace
}  // namespace he::cuda
