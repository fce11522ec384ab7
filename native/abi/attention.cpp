// Attention exports.
#include "cpu/attention/attention.h"

#include <algorithm>
#include <cstring>

#include "abi/guard.h"
#include "core/context.h"

namespace {

using he::require;

// Query rows of a task: many share the work of loading a tile of keys, as long as their sums stay in the second-level cache and every thread has tasks.
constexpr int64_t kTaskRows = 512, kLeastTaskRows = 64, kTasksOfAThread = 4;

he::cpu::AttentionShape shape(int64_t query_heads, int64_t key_heads, int64_t head_size, float scale, int32_t causal, int64_t window,
                              float soft_cap, const float* alibi) {
  require(head_size > 0 && query_heads > 0 && key_heads > 0 && query_heads % key_heads == 0,
          "attention: heads and head size must be positive, key heads a divisor of query heads");
  require(window >= 0, "attention: the window must not be negative");
  return {query_heads, key_heads, head_size, scale, causal != 0, window, soft_cap, alibi};
}

// Offsets ascend inside [0, tokens]; returns the longest sequence.
int64_t longest(const int32_t* offsets, int64_t sequences, int64_t tokens) {
  require(offsets != nullptr, "attention: offsets must not be null");
  int64_t most = 0;
  for (int64_t s = 0; s < sequences; ++s) {
    require(offsets[s] >= 0 && offsets[s] <= offsets[s + 1] && offsets[s + 1] <= tokens,
            "attention: offsets must ascend within the tokens");
    most = std::max<int64_t>(most, offsets[s + 1] - offsets[s]);
  }
  return most;
}

// Runs f(sequence, key head, query begin, query end, scratch): long rows of a causal sequence first, so that the last tasks are short.
template <class F>
void for_each_task(he_context* ctx, const he::cpu::AttentionShape& s, const int32_t* offsets, int64_t sequences, int64_t most, F f) {
  const int64_t group = s.query_heads / s.key_heads, tile = he::cpu::kTile;
  // Whole tiles of queries, so that a causal block has as few partly visible tiles of keys as it can.
  int64_t block = std::clamp<int64_t>(kTaskRows / group / tile * tile, tile, std::max((most + tile - 1) / tile * tile, tile));
  const auto tasks = [&] { return sequences * s.key_heads * ((most + block - 1) / block); };
  while (block > tile && tasks() < kTasksOfAThread * ctx->pool.size()) block -= tile;
  while (block > 1 && block * group > kLeastTaskRows && tasks() < kTasksOfAThread * ctx->pool.size()) block /= 2;
  const int64_t blocks = (most + block - 1) / block;
  ctx->scratch.reserve(ctx->isa.kernels.attention.forward_scratch(s.head_size, block * group));
  ctx->pool.parallel_for(sequences * s.key_heads * blocks, [&](int64_t task, int worker) {
    const int64_t sequence = task % sequences, key_head = task / sequences % s.key_heads,
                  begin = (blocks - 1 - task / sequences / s.key_heads) * block;
    const int64_t end = std::min<int64_t>(begin + block, offsets[sequence + 1] - offsets[sequence]);
    if (begin < end) f(sequence, key_head, begin, end, ctx->scratch.of(worker));
  });
}

// Few sequences with long contexts, one query each: the chunks of a context are tasks of their own. False where there is nothing to gain.
bool decode_in_parts(he_context* ctx, const he::cpu::PagedAttention& a, int64_t sequences, int64_t most) {
  const auto& kernels = ctx->isa.kernels.attention;
  const int64_t heads = a.shape.key_heads;
  int64_t chunks = 0;
  const auto present = [&](int64_t s) { return a.query_offsets[s + 1] > a.query_offsets[s]; };
  for (int64_t s = 0; s < sequences; ++s)
    if (present(s)) chunks = std::max<int64_t>(chunks, (a.context_lengths[s] + he::cpu::kChunk - 1) / he::cpu::kChunk);
  if (most != 1 || chunks < 2 || ctx->pool.size() < 2 || sequences * heads >= kTasksOfAThread * ctx->pool.size()) return false;
  const size_t part = kernels.part_floats(a.shape), parts = part * static_cast<size_t>(chunks);
  ctx->scratch.reserve(kernels.forward_scratch(a.shape.head_size, a.shape.query_heads / heads), parts * static_cast<size_t>(sequences * heads));
  ctx->pool.parallel_for(sequences * heads * chunks, [&](int64_t task, int worker) {
    const int64_t row = task / chunks;
    if (present(row / heads))
      kernels.paged_part(a, row / heads, row % heads, task % chunks, ctx->scratch.shared() + parts * static_cast<size_t>(row), ctx->scratch.of(worker));
  });
  ctx->pool.parallel_for(sequences * heads, [&](int64_t row) {
    if (present(row / heads)) kernels.paged_join(a, row / heads, row % heads, ctx->scratch.shared() + parts * static_cast<size_t>(row));
  });
  return true;
}

he::cpu::KvType kv_type(int32_t type) {
  require(type == 0 || type == 1 || type == 6, "kv cache: type must be 0 (float32), 1 (bfloat16) or 6 (int8)");
  return static_cast<he::cpu::KvType>(type);
}

bool through_bf16(int32_t type) {
  require(type == 0 || type == 1, "attention: key_value_type must be 0 (float32) or 1 (bfloat16)");
  return type == 1;
}

he::cpu::KvCache cache(int32_t type, const void* keys, const void* values, int64_t blocks, int64_t block_size, int64_t key_heads,
                       int64_t head_size) {
  require(keys != nullptr && values != nullptr, "kv cache: keys and values must not be null");
  require(blocks >= 0 && block_size > 0 && block_size % he::cpu::kGroup == 0, "kv cache: the block size must be a positive multiple of 16");
  require(key_heads > 0 && head_size > 0, "kv cache: heads and head size must be positive");
  return {kv_type(type), static_cast<char*>(const_cast<void*>(keys)), static_cast<char*>(const_cast<void*>(values)), blocks, block_size, key_heads, head_size};
}

}  // namespace

extern "C" {

he_status he_attention(he_context* ctx, int64_t tokens, int64_t sequences, const int32_t* offsets, int64_t query_heads, int64_t key_heads,
                       int64_t head_size, float scale, int32_t causal, int64_t window, float soft_cap, const float* alibi, const float* q,
                       int64_t q_stride, const float* k, int64_t k_stride, const float* v, int64_t v_stride, float* y, int64_t y_stride,
                       float* log_sum_exp, int64_t log_sum_exp_stride, int32_t key_value_type) {
  return he::guard([&] {
    require(ctx != nullptr, "attention: context is null");
    const he::cpu::AttentionShape s = shape(query_heads, key_heads, head_size, scale, causal, window, soft_cap, alibi);
    const int64_t most = longest(offsets, sequences, tokens);
    if (most == 0) return;
    require(q != nullptr && k != nullptr && v != nullptr && y != nullptr, "attention: q, k, v and y must not be null");
    const he::cpu::PackedAttention a{s, through_bf16(key_value_type), {q, q_stride}, {k, k_stride}, {v, v_stride},
                                     offsets, {y, y_stride}, log_sum_exp,   log_sum_exp_stride};
    for_each_task(ctx, s, offsets, sequences, most, [&](int64_t sequence, int64_t key_head, int64_t begin, int64_t end, float* scratch) {
      ctx->isa.kernels.attention.packed(a, sequence, key_head, begin, end, scratch);
    });
  });
}

he_status he_attention_backward(he_context* ctx, int64_t tokens, int64_t sequences, const int32_t* offsets, int64_t query_heads,
                                int64_t key_heads, int64_t head_size, float scale, int32_t causal, int64_t window, float soft_cap,
                                const float* alibi, const float* q, int64_t q_stride, const float* k, int64_t k_stride, const float* v,
                                int64_t v_stride, const float* y, int64_t y_stride, const float* log_sum_exp, int64_t log_sum_exp_stride,
                                const float* dy, int64_t dy_stride, float* dq, int64_t dq_stride, float* dk, int64_t dk_stride, float* dv,
                                int64_t dv_stride, int32_t key_value_type) {
  return he::guard([&] {
    require(ctx != nullptr, "attention backward: context is null");
    const he::cpu::AttentionShape s = shape(query_heads, key_heads, head_size, scale, causal, window, soft_cap, alibi);
    if (longest(offsets, sequences, tokens) == 0) return;
    require(q != nullptr && k != nullptr && v != nullptr && y != nullptr && log_sum_exp != nullptr && dy != nullptr && dq != nullptr &&
                dk != nullptr && dv != nullptr,
            "attention backward: q, k, v, y, log_sum_exp, dy, dq, dk and dv must not be null");
    const he::cpu::PackedAttentionBackward a{
        s, through_bf16(key_value_type), {q, q_stride},      {k, k_stride}, {v, v_stride},   {y, y_stride},   {dy, dy_stride},
        log_sum_exp, log_sum_exp_stride, offsets,       {dq, dq_stride}, {dk, dk_stride}, {dv, dv_stride}};
    ctx->scratch.reserve(ctx->isa.kernels.attention.backward_scratch(head_size));
    ctx->pool.parallel_for(sequences * key_heads, [&](int64_t task, int worker) {
      ctx->isa.kernels.attention.backward(a, task / key_heads, task % key_heads, ctx->scratch.of(worker));
    });
  });
}

he_status he_kv_size(he_context* ctx, int32_t type, int64_t blocks, int64_t block_size, int64_t key_heads, int64_t head_size, int64_t* key_bytes,
                     int64_t* value_bytes) {
  return he::guard([&] {
    require(ctx != nullptr && key_bytes != nullptr && value_bytes != nullptr, "kv size: arguments must not be null");
    require(blocks >= 0 && block_size > 0 && key_heads > 0 && head_size > 0, "kv size: sizes must be positive");
    *key_bytes = blocks * key_heads * ctx->isa.kernels.attention.key_bytes(kv_type(type), block_size, head_size);
    *value_bytes = blocks * key_heads * ctx->isa.kernels.attention.value_bytes(kv_type(type), block_size, head_size);
  });
}

he_status he_kv_write(he_context* ctx, int64_t tokens, const float* k, int64_t k_stride, const float* v, int64_t v_stride,
                      const int32_t* slots, int32_t type, void* keys, void* values, int64_t blocks, int64_t block_size, int64_t key_heads,
                      int64_t head_size) {
  return he::guard([&] {
    require(ctx != nullptr, "kv write: context is null");
    require(tokens >= 0, "kv write: tokens must not be negative");
    const he::cpu::KvCache c = cache(type, keys, values, blocks, block_size, key_heads, head_size);
    if (tokens == 0) return;
    require(k != nullptr && v != nullptr && slots != nullptr, "kv write: k, v and slots must not be null");
    for (int64_t t = 0; t < tokens; ++t) require(slots[t] < blocks * block_size, "kv write: a slot lies outside the cache");
    constexpr int64_t kTokens = 16;
    ctx->pool.parallel_for((tokens + kTokens - 1) / kTokens, [&](int64_t i) {
      ctx->isa.kernels.attention.write(c, {k, k_stride}, {v, v_stride}, slots, i * kTokens, std::min(tokens, (i + 1) * kTokens));
    });
  });
}

he_status he_kv_copy_blocks(he_context* ctx, int64_t count, const int32_t* sources, const int32_t* destinations, int32_t type, void* keys, void* values,
                            int64_t blocks, int64_t block_size, int64_t key_heads, int64_t head_size) {
  return he::guard([&] {
    require(ctx != nullptr, "kv copy: context is null");
    const he::cpu::KvCache c = cache(type, keys, values, blocks, block_size, key_heads, head_size);
    require(count >= 0 && (count == 0 || (sources != nullptr && destinations != nullptr)),
            "kv copy: sources and destinations must not be null");
    for (int64_t i = 0; i < count; ++i)
      require(sources[i] >= 0 && sources[i] < blocks && destinations[i] >= 0 && destinations[i] < blocks,
              "kv copy: a block lies outside the cache");
    const auto& kernels = ctx->isa.kernels.attention;
    const auto key_bytes = static_cast<size_t>(key_heads * kernels.key_bytes(c.type, block_size, head_size));
    const auto value_bytes = static_cast<size_t>(key_heads * kernels.value_bytes(c.type, block_size, head_size));
    for (int64_t i = 0; i < count; ++i) {
      if (sources[i] == destinations[i]) continue;
      const auto from = static_cast<size_t>(sources[i]), to = static_cast<size_t>(destinations[i]);
      std::memcpy(c.keys + to * key_bytes, c.keys + from * key_bytes, key_bytes);
      std::memcpy(c.values + to * value_bytes, c.values + from * value_bytes, value_bytes);
    }
  });
}

he_status he_paged_attention(he_context* ctx, int64_t tokens, int64_t sequences, const int32_t* query_offsets,
                             const int32_t* context_lengths, const int32_t* block_tables, int64_t table_width, int64_t table_stride,
                             int64_t query_heads, int64_t key_heads, int64_t head_size, float scale, int32_t causal, int64_t window,
                             float soft_cap, const float* alibi, const float* q, int64_t q_stride, int32_t type, const void* keys, const void* values,
                             int64_t blocks, int64_t block_size, float* y, int64_t y_stride) {
  return he::guard([&] {
    require(ctx != nullptr, "paged attention: context is null");
    const he::cpu::AttentionShape s = shape(query_heads, key_heads, head_size, scale, causal, window, soft_cap, alibi);
    const he::cpu::KvCache c = cache(type, keys, values, blocks, block_size, key_heads, head_size);
    const int64_t most = longest(query_offsets, sequences, tokens);
    if (most == 0) return;
    require(q != nullptr && y != nullptr && context_lengths != nullptr && block_tables != nullptr,
            "paged attention: q, y, context_lengths and block_tables must not be null");
    for (int64_t i = 0; i < sequences; ++i) {
      const int64_t queries = query_offsets[i + 1] - query_offsets[i], keys_present = context_lengths[i],
                    used = (keys_present + block_size - 1) / block_size;
      if (queries == 0) continue;
      require(keys_present >= queries && used <= table_width,
              "paged attention: a context is shorter than its queries or longer than its block table");
      for (int64_t b = 0; b < used; ++b) {
        const int32_t block = block_tables[i * table_stride + b];
        require(block >= 0 && block < blocks, "paged attention: a block table names a block outside the cache");
      }
    }
    const he::cpu::PagedAttention a{s, {q, q_stride}, c, query_offsets, context_lengths, block_tables, table_stride, {y, y_stride}};
    if (decode_in_parts(ctx, a, sequences, most)) return;
    for_each_task(ctx, s, query_offsets, sequences, most,
                  [&](int64_t sequence, int64_t key_head, int64_t begin, int64_t end, float* scratch) {
                    ctx->isa.kernels.attention.paged(a, sequence, key_head, begin, end, scratch);
                  });
  });
}

}  // extern "C"
