// Compact family: weights in 16 bits or in blocks of fewer, read as they are. A product with them has the bits of the product with the same weights in float32.
#pragma once
#include <cstdint>

#include "core/resources.h"

namespace he::cpu {

// Values of the C ABI, the same as of he_convert. Blocks hold 32 or 256 values of one output, along the inputs (cpu/conversion/blocks.h and k_blocks.h have the formulas).
enum class CompactType : int32_t { bfloat16 = 1, float16 = 2, q8_0 = 7, q4_0 = 8, q4_1 = 9, q2_k = 10, q3_k = 11, q4_k = 12, q5_k = 13, q6_k = 14 };

inline constexpr int64_t kCompactBlock = 32;    // inputs that are handled at once; those of a compact weight fill whole ones
inline constexpr int64_t kCompactOutputs = 32;  // outputs of a panel

struct CompactSizes {
  int64_t values;  // of a block in a file; 0: no such type
  int64_t stored;  // its bytes there
  int64_t packed;  // its share of a panel in bytes: K types have their six-bit scales unpacked
};

constexpr CompactSizes compact_sizes(CompactType type) {
  switch (type) {
    case CompactType::bfloat16:
    case CompactType::float16:
      return {32, 64, 64};
    case CompactType::q8_0:
      return {32, 34, 34};
    case CompactType::q4_0:
      return {32, 18, 18};
    case CompactType::q4_1:
      return {32, 20, 20};
    case CompactType::q2_k:
      return {256, 84, 84};
    case CompactType::q3_k:
      return {256, 110, 114};
    case CompactType::q4_k:
      return {256, 144, 148};
    case CompactType::q5_k:
      return {256, 176, 180};
    case CompactType::q6_k:
      return {256, 210, 210};
  }
  return {};
}

struct CompactWeight {
  CompactType type;
  const uint8_t* data;  // panels of 32 outputs (cpu/compact/block.h)
  int64_t outputs, inputs;
};

struct CompactKernels {
  // source: outputs rows of inputs values of the type, blocks as GGUF has them.
  void (*pack)(const Resources&, CompactType, const uint8_t* source, int64_t outputs, int64_t inputs, uint8_t* packed);
  void (*unpack)(const Resources&, const CompactWeight&, float* destination, int64_t destination_stride);
  // As LinearKernels::forward.
  void (*forward)(const Resources&, const float* x, int64_t x_stride, int64_t rows, const CompactWeight&, const float* bias, float* y, int64_t y_stride, bool accumulate);
  // As EmbeddingKernels::embed.
  void (*embed)(const Resources&, const int32_t* ids, int64_t tokens, const CompactWeight& table, float scale, int32_t offset, float* y, int64_t y_stride,
                bool accumulate);
};

}  // namespace he::cpu
