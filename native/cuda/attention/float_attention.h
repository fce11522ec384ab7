// Attention in float32 over packed sequences and over the paged cache, forward and backward, heads of any size up to 256; keys and values may be of a narrower type.
// Contract: IAttentionKernels. Order of sums: docs/numerics.md, "CUDA".
#pragma once
#include "cuda/attention/attention.h"
#include "cuda/attention/cache.h"

namespace he::cuda {

/// Keys of one step of the online soft-max, one a lane; chunks are kKeyChunk keys as in bf16.
constexpr int kFloatTile = 32;

/// Rows of a warp, whose number no bit depends on. `width` is the padded head size that a kernel is made for: 32, 64, 128 or 256.
HE_BOTH constexpr int float_rows(int width) { return width > 64 ? 4 : 8; }

/// Query i of a sequence stands at position contextLength - queries + i. Any strides; rows of k and v that are whole groups of four, aligned, are read by vectors.
struct FloatAttentionArguments {
  Global<const float> q;                ///< [tokens, query_heads, head_size], a token every q_stride
  Global<const float> k, v;             ///< packed: [tokens, key_heads, head_size]; paged: a cache of key_type (cache.h)
  Global<const int> query_offsets;      ///< [sequences + 1]
  Global<const int> context_lengths;    ///< [sequences]; paged only
  Global<const int> block_tables;       ///< [sequences, max_blocks]; paged only
  Global<const float> alibi;            ///< [query_heads], or none
  Global<float> y;                      ///< [tokens, query_heads, head_size], a token every y_stride
  Global<float> log_sum_exp;            ///< [tokens, query_heads], a token every query_heads; or none
  Global<float> partial;                ///< split only: [tokens, query_heads, max_chunks, head_size] sums of a chunk
  Global<float> partial_scale;          ///< split only: [tokens, query_heads, max_chunks, 2] greatest score and sum of weights
  long long q_stride, k_stride, v_stride, y_stride;
  int query_heads, key_heads, head_size;
  int key_type;                         ///< KeyType
  int max_blocks, block_size;
  int max_chunks;                       ///< split only: at least ceil(longest context / kKeyChunk)
  int causal, window;                   ///< window 0: none
  float scale, soft_cap;                ///< soft_cap 0: none
};

/// Gradients of the packed form. lse and delta: a token every query_heads.
struct FloatAttentionBackwardArguments {
  Global<const float> q, k, v, y, dy;
  Global<const float> log_sum_exp;      ///< [tokens, query_heads], a token every lse_stride
  Global<const int> query_offsets;      ///< [sequences + 1]
  Global<const float> alibi;            ///< [query_heads], or none
  Global<float> delta;                  ///< [tokens, query_heads]: dy . y, written by attention_delta_f32
  Global<float> dq, dk, dv;
  long long q_stride, k_stride, v_stride, y_stride, dy_stride, lse_stride, dq_stride, dk_stride, dv_stride;
  int query_heads, key_heads, head_size;
  int key_type;                         ///< kFloatKeys or kRoundedKeys
  int causal, window;
  float scale, soft_cap;
};

/// Bytes of shared memory of a block of `warps` warps.
HE_BOTH constexpr int float_attention_shared(int width, int warps) { return 4 * (width + 4) * (warps * float_rows(width) + 2 * kFloatTile) + 4 * warps * kFloatTile * float_rows(width); }
HE_BOTH constexpr int float_backward_shared(int width) {
  return 4 * (width + 4) * (2 * kForwardWarps * float_rows(width) + 2 * kFloatTile) + 8 * kForwardWarps * kFloatTile * float_rows(width);
}

// packed: grid (ceil(longest query * group / (4 float_rows)), key_heads, sequences), 128 threads; paged: the same.
// split: grid (max_chunks, key_heads * ceil(longest query * group / float_rows), sequences), 32 threads; then combine: grid (longest query, query_heads, sequences), 32 threads, no shared memory.
// backward: delta: grid (tokens, query_heads), 32 threads, no shared memory; then dq as packed, and dkv: grid (ceil(longest sequence / (4 float_rows)), key_heads, sequences), 128 threads.
#define HE_ATTENTION_KERNELS(WIDTH)                                                                 \
  HE_KERNEL(kForwardWarps * 32) attention_packed_f32_##WIDTH(FloatAttentionArguments a);            \
  HE_KERNEL(kForwardWarps * 32) attention_paged_f32_##WIDTH(FloatAttentionArguments a);             \
  HE_KERNEL(kSplitWarps * 32) attention_split_f32_##WIDTH(FloatAttentionArguments a);               \
  HE_KERNEL(kForwardWarps * 32) attention_backward_dq_f32_##WIDTH(FloatAttentionBackwardArguments a);  \
  HE_KERNEL(kForwardWarps * 32) attention_backward_dkv_f32_##WIDTH(FloatAttentionBackwardArguments a);
HE_ATTENTION_KERNELS(32)
HE_ATTENTION_KERNELS(64)
HE_ATTENTION_KERNELS(128)
HE_ATTENTION_KERNELS(256)
#undef HE_ATTENTION_KERNELS
HE_KERNEL(32) attention_combine_f32(FloatAttentionArguments a);
HE_KERNEL(32) attention_delta_f32(FloatAttentionBackwardArguments a);

}  // namespace he::cuda
