// Rows of keys and values to their slots of the paged cache.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

/// slot = block * block_size + position in the block; negative slots are skipped, no slot occurs twice. Addresses are multiples of 16 bytes, strides and head_size multiples of 8 elements.
struct WriteKvArguments {
  Global<const bf16> k, v;          ///< [tokens, key_heads, head_size], a token every stride
  Global<const int> slots;          ///< [tokens]
  Global<bf16> keys, values;        ///< [blocks, key_heads, block_size, head_size]
  long long k_stride, v_stride;
  int key_heads, head_size, block_size;
};

constexpr int kWriteKvThreads = 128;

/// Grid: (tokens). No shared memory.
HE_KERNEL(kWriteKvThreads) write_kv_bf16(WriteKvArguments a);

}  // namespace he::cuda
