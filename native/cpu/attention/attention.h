// Attention family: packed sequences (forward, backward) and the paged cache (write, forward). docs/numerics.md, "Attention", is the rule.
#pragma once
#include <cstddef>
#include <cstdint>

namespace he::cpu {

inline constexpr int64_t kChunk = 256;  // keys of a chunk, by absolute position: part of the written order
inline constexpr int64_t kTile = 64;    // keys of a tile: what stays in the first-level cache
inline constexpr int64_t kGroup = 16;   // keys whose scores lie side by side in one vector

struct AttentionShape {
  int64_t query_heads, key_heads, head_size;
  float scale;
  bool causal;
  int64_t window;      // 0: off
  float soft_cap;      // 0: off
  const float* alibi;  // [query_heads] or null
};

// [tokens, heads, head_size]: a head's elements and a token's heads are contiguous, tokens are `stride` apart.
struct Heads {
  const float* data;
  int64_t stride;
};
struct MutableHeads {
  float* data;
  int64_t stride;
};

struct PackedAttention {
  AttentionShape shape;
  bool through_bf16;  // k and v are rounded to bf16 as they are read
  Heads q, k, v;
  const int32_t* offsets;  // [sequences + 1]
  MutableHeads y;
  float* log_sum_exp;  // [tokens, query_heads] or null
  int64_t log_sum_exp_stride;
};

struct PackedAttentionBackward {
  AttentionShape shape;
  bool through_bf16;  // k and v are rounded to bf16 as they are read
  Heads q, k, v, y, dy;
  const float* log_sum_exp;
  int64_t log_sum_exp_stride;
  const int32_t* offsets;
  MutableHeads dq, dk, dv;
};

// How a cache keeps its elements; numbers as in he_convert and he_kv_size.
enum class KvType : int32_t { kFloat32 = 0, kBFloat16 = 1, kInt8 = 6 };

// One layer's cache; layout in cache.h.
struct KvCache {
  KvType type;
  char *keys, *values;
  int64_t blocks, block_size, key_heads, head_size;
};

struct PagedAttention {
  AttentionShape shape;
  Heads q;
  KvCache cache;
  const int32_t* query_offsets;    // [sequences + 1]
  const int32_t* context_lengths;  // [sequences]
  const int32_t* block_tables;     // [sequences, table_stride]
  int64_t table_stride;
  MutableHeads y;
};

struct AttentionKernels {
  // Bytes of one head's keys and values in a block of the cache.
  int64_t (*key_bytes)(KvType type, int64_t block_size, int64_t head_size);
  int64_t (*value_bytes)(KvType type, int64_t block_size, int64_t head_size);
  // Queries [begin, end), counted from the sequence's first, of one sequence and all query heads of one key head.
  void (*packed)(const PackedAttention&, int64_t sequence, int64_t key_head, int64_t begin, int64_t end, float* scratch);
  void (*paged)(const PagedAttention&, int64_t sequence, int64_t key_head, int64_t begin, int64_t end, float* scratch);
  // One query of a sequence in parts: chunks by any thread in any order, then joined in order, with the bits of `paged`. `parts`: part_floats for each
  // chunk of the context, of this sequence and key head.
  size_t (*part_floats)(const AttentionShape&);
  void (*paged_part)(const PagedAttention&, int64_t sequence, int64_t key_head, int64_t chunk, float* parts, float* scratch);
  void (*paged_join)(const PagedAttention&, int64_t sequence, int64_t key_head, float* parts);
  size_t (*forward_scratch)(int64_t head_size, int64_t rows);  // floats; rows = queries x query heads of a key head
  void (*backward)(const PackedAttentionBackward&, int64_t sequence, int64_t key_head, float* scratch);
  size_t (*backward_scratch)(int64_t head_size);
  void (*write)(const KvCache&, Heads k, Heads v, const int32_t* slots, int64_t token_begin, int64_t token_end);
};

}  // namespace he::cpu
