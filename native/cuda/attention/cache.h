// The paged cache of keys or values in each of its types: rows of float32 in, whole blocks copied. Contract: IAttentionKernels.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

/// How keys and values are read. kRoundedKeys: float32 in memory, rounded to bf16 when read, so that the packed form agrees with a cache of bf16.
enum KeyType { kFloatKeys = 0, kRoundedKeys = 1, kBf16Keys = 2, kInt8Keys = 3 };

/// Bytes of a cache's block, [key head][position][element]; int8: rows padded to four bytes, then [key head][position] float32 scales.
HE_BOTH constexpr long long cache_block_bytes(int type, int key_heads, int block_size, int head_size) {
  const long long rows = static_cast<long long>(key_heads) * block_size;
  return rows * (type == kInt8Keys ? (head_size + 3) / 4 * 4 + 4 : head_size * (type == kBf16Keys ? 2 : 4));
}

/// slot = block * block_size + position in the block; negative slots are skipped, no slot occurs twice.
struct WriteCacheArguments {
  Global<const float> k, v;         ///< [tokens, key_heads, head_size], a token every stride
  Global<const int> slots;          ///< [tokens]
  Global<float> keys, values;       ///< a cache of `type`, 16-byte aligned
  long long k_stride, v_stride;
  int key_heads, head_size, block_size;
  int type;                         ///< kFloatKeys, kBf16Keys or kInt8Keys
};

constexpr int kWriteCacheThreads = 128;

/// Grid: (tokens, 2): keys, then values. kWriteCacheThreads threads, a warp a head at a time. No shared memory.
HE_KERNEL(kWriteCacheThreads) write_cache(WriteCacheArguments a);

struct CopyBlocksArguments {
  Global<float> keys, values;
  Global<const int> sources, destinations;  ///< [copies] block numbers; no block is both
  long long words;                          ///< of 4 bytes, in a block
};

/// Grid: (copies, 2): keys, then values. kWriteCacheThreads threads.
HE_KERNEL(kWriteCacheThreads) copy_blocks(CopyBlocksArguments a);

}  // namespace he::cuda
