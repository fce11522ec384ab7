// Attention over packed sequences and over the paged cache, bf16 with float32 sums. Contract: IAttentionKernels. Order of sums: docs/numerics.md, "CUDA".
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

/// Keys are summed over in chunks by absolute position, each from zero, so that chunks of one row may be computed by different blocks.
constexpr int kKeyChunk = 256;

/// Keys of one step of the online soft-max within a chunk.
HE_BOTH constexpr int key_tile(int head_size) { return head_size > 128 ? 32 : 64; }

/// Rows of a block: a row is a query and one of the query heads that share a key head, so that the group reads its keys once. A warp has 16.
constexpr int kRowsOfWarp = 16;
constexpr int kForwardWarps = 4, kSplitWarps = 1;

/// Addresses are multiples of 16 bytes, strides multiples of 8 elements. Query i of a sequence stands at position contextLength - queries + i.
struct AttentionArguments {
  Global<const bf16> q;                 ///< [tokens, query_heads, head_size], a token every q_stride
  Global<const bf16> k, v;              ///< packed: [tokens, key_heads, head_size]; paged: [blocks, key_heads, block_size, head_size]
  Global<const int> query_offsets;      ///< [sequences + 1]
  Global<const int> context_lengths;    ///< [sequences]; paged only
  Global<const int> block_tables;       ///< [sequences, max_blocks]; paged only
  Global<const float> alibi;            ///< [query_heads], or none
  Global<bf16> y;                       ///< [tokens, query_heads, head_size], a token every y_stride
  Global<float> log_sum_exp;            ///< [tokens, query_heads], or none
  Global<float> partial;                ///< split only: [tokens, query_heads, max_chunks, head_size] sums of a chunk
  Global<float> partial_scale;          ///< split only: [tokens, query_heads, max_chunks, 2] greatest score (base 2) and sum of weights
  long long q_stride, k_stride, v_stride, y_stride;
  int query_heads, key_heads;
  int max_blocks, block_size;
  int max_chunks;                       ///< split only: at least ceil(longest context / kKeyChunk)
  int causal, window;                   ///< window 0: none
  float scale, soft_cap;                ///< soft_cap 0: none
};

/// Shared memory of a block: its rows of q and two stages of keys and values; a row takes 16 bytes more than it has, so that no two of eight fall into the same banks.
HE_BOTH constexpr int attention_shared(int head_size, int warps) { return (warps * kRowsOfWarp + 4 * key_tile(head_size)) * (head_size + 8) * 2; }

// packed: grid (ceil(longest query * group / 64), key_heads, sequences), 128 threads; paged: the same.
// split: grid (max_chunks, key_heads * ceil(longest query * group / 16), sequences), 32 threads; then combine: grid (longest query, query_heads, sequences), 32 threads, no shared memory.
// split + combine gives the bits of paged, and paged those of packed.
#define HE_ATTENTION_KERNELS(D)                                                  \
  HE_KERNEL(kForwardWarps * 32) attention_packed_bf16_##D(AttentionArguments a); \
  HE_KERNEL(kForwardWarps * 32) attention_paged_bf16_##D(AttentionArguments a);  \
  HE_KERNEL(kSplitWarps * 32) attention_split_bf16_##D(AttentionArguments a);    \
  HE_KERNEL(32) attention_combine_bf16_##D(AttentionArguments a);
HE_ATTENTION_KERNELS(64)
HE_ATTENTION_KERNELS(80)
HE_ATTENTION_KERNELS(96)
HE_ATTENTION_KERNELS(128)
HE_ATTENTION_KERNELS(256)
#undef HE_ATTENTION_KERNELS

}  // namespace he::cuda
