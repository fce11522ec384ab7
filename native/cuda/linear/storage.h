// Operands and weights brought into the layouts that products read, and LoRA merged into a weight.
#pragma once
#include "cuda/linear/weights.h"

namespace he::cuda {

constexpr int kStorageThreads = 128, kStorageColumns = 4 * kStorageThreads;

/// Rows of float32 rounded to bf16 (nearest, ties to even), filled up with zeros to `to_stride` elements, a multiple of 8: an operand of the bf16 products.
struct OperandArguments {
  Global<const float> from;     ///< [rows, width]
  Global<bf16> to;              ///< [rows, to_stride]
  long long from_stride, to_stride;
  int width;
};

/// Grid: (rows, ceil(to_stride / kStorageColumns)). kStorageThreads threads.
HE_KERNEL(kStorageThreads) narrow_operand_bf16(OperandArguments a);

/// to[o, i] = fma(scale, sum over r of b[o, r] a[r, i], w[o, i]); the sum one chain from zero, r ascending. `to` may be w.
struct MergeLoraArguments {
  Global<const float> w, a, b;  ///< [outputs, inputs], [rank, inputs], [outputs, rank]
  Global<float> to;             ///< as w
  long long w_stride, a_stride, b_stride;
  int inputs, rank;
  float scale;
};

/// Grid: (outputs, ceil(inputs / kStorageColumns)). kStorageThreads threads.
HE_KERNEL(kStorageThreads) merge_lora_f32(MergeLoraArguments a);

/// GGUF's blocks of 32 values, one behind the other, to data, scales and minima (weights.h). Addresses of blocks are a multiple of 2.
struct PackBlocksArguments {
  Global<const unsigned short> from;
  Global<unsigned short> data, scales, minima;  ///< minima: q4_1 only
  long long blocks;
};

/// Grid: (ceil(blocks / kStorageThreads)). kStorageThreads threads.
HE_KERNEL(kStorageThreads) pack_blocks_q8(PackBlocksArguments a);
HE_KERNEL(kStorageThreads) pack_blocks_q4(PackBlocksArguments a);
HE_KERNEL(kStorageThreads) pack_blocks_q4_1(PackBlocksArguments a);

}  // namespace he::cuda
