// Attention forward, for packed sequences and for the paged cache.
//   maths    docs/numerics.md, "Attention": pass.h; tiling of Dao et al. 2022
//   blocks   a chunk of keys and values serves all queries and heads of a task, from the second-level cache
//   traffic  prefill: compute-bound, 4 n^2 d operations a head (half of it when causal) and one exponential a score; decode: keys and values of the
//            context once
#include "core/scalar_math.h"
#include "cpu/attention/decode.h"
#include "cpu/attention/kernels.h"

HE_ISA_BEGIN

namespace {

// Rows of a task: queries in order, and of each the heads of the group, so that neighbours see almost the same keys.
struct Task {
  int64_t key_head, begin, end;
  int64_t first_token;     // of the sequence, in q and y
  int64_t first_position;  // of the sequence's query 0
  int64_t keys;            // of the sequence
};

// Where results go.
struct Results {
  MutableHeads y;
  float* log_sum_exp;  // [tokens, query_heads] or null
  int64_t log_sum_exp_stride;
};

// Working memory of a task.
struct Memory {
  Row* rows;
  Gathered total, chunk;  // of all rows; of a pass
  float* p;               // [kRows][kChunk]
  float *keys, *values;   // a chunk, where it is not read in place
};

int64_t row_floats(int64_t rows) { return padded(rows * static_cast<int64_t>(sizeof(Row)) / static_cast<int64_t>(sizeof(float))); }

Memory carve(float* scratch, int64_t head_size, int64_t rows) {
  const int64_t width = padded(head_size);
  const auto take = [&](int64_t floats) {
    float* piece = scratch;
    scratch += floats;
    return piece;
  };
  Memory m;
  m.rows = reinterpret_cast<Row*>(take(row_floats(rows)));
  m.total = {take(padded(rows)), take(padded(rows)), take(rows * width)};
  m.chunk = {take(kRows), take(kRows), take(kRows * width)};
  m.p = take(kRows * kChunk);
  m.keys = take(kChunk * width);
  m.values = take(kChunk * width);
  return m;
}

Row row_of(const AttentionShape& s, Heads q, const Task& t, const Results& results, int64_t query, int64_t head) {
  const int64_t position = t.first_position + query, token = t.first_token + query;
  return {q.data + token * q.stride + head * s.head_size,
          results.y.data + token * results.y.stride + head * s.head_size,
          results.log_sum_exp != nullptr ? results.log_sum_exp + token * results.log_sum_exp_stride + head : nullptr,
          visible(s, position, t.keys),
          position,
          s.alibi != nullptr ? s.alibi[head] : 0.0f};
}

int64_t make_rows(const AttentionShape& s, Heads q, const Task& t, const Results& results, Row* rows) {
  const int64_t group = s.query_heads / s.key_heads;
  int64_t n = 0;
  for (int64_t i = t.begin; i < t.end; ++i)
    for (int64_t h = t.key_head * group; h < (t.key_head + 1) * group; ++h) rows[n++] = row_of(s, q, t, results, i, h);
  return n;
}

// What rows have gathered becomes their results.
void finish(const AttentionShape& s, const Row* rows, int64_t count, const Gathered& gathered) {
  const int64_t width = padded(s.head_size);
  for (int64_t n = 0; n < count; ++n) {
    const V16 scale = splat(1.0f / gathered.sum[n]);
    // + 0: a zero has one sign, in whatever chunk its row began.
    for_lanes(s.head_size, [&](int64_t d, int64_t lanes) { store_some(rows[n].y + d, fma(load(gathered.acc + n * width + d), scale, zero()), lanes); });
    if (rows[n].log_sum_exp != nullptr) *rows[n].log_sum_exp = gathered.top[n] + log_scalar(gathered.sum[n]);
  }
}

// All rows of a task through all their chunks, and their results. pass_of(chunk, first row, rows, out) computes one pass.
template <class PassOf>
void walk(const AttentionShape& s, const Memory& m, int64_t count, PassOf pass_of) {
  const int64_t width = padded(s.head_size);
  Range chunks{INT64_MAX, 0};
  for (int64_t i = 0; i < count; ++i)
    chunks = {least(chunks.begin, m.rows[i].keys.begin / kChunk), greatest(chunks.end, (m.rows[i].keys.end + kChunk - 1) / kChunk)};
  for (int64_t c = chunks.begin; c < chunks.end; ++c)
    for (int64_t i = 0; i < count; i += kRows) {
      const int64_t rows = least(kRows, count - i);
      const Gathered total{m.total.top + i, m.total.sum + i, m.total.acc + i * width};
      pass_of(c, m.rows + i, rows, c == chunks.begin ? total : m.chunk);
      if (c != chunks.begin) merge(total, m.chunk, rows, width);
      if (c + 1 == chunks.end) finish(s, m.rows + i, rows, total);
    }
}

// The same with chunks that are brought into working memory, each once: load_chunk(index).
template <class LoadChunk>
void walk_loaded(const AttentionShape& s, const Memory& m, int64_t count, LoadChunk load_chunk) {
  Chunk chunk{};
  walk(s, m, count, [&](int64_t index, const Row* rows, int64_t n, const Gathered& out) {
    if (rows == m.rows) chunk = load_chunk(index);
    const Row* ahead = rows + n;
    pass(s, chunk, rows, n, ahead, least(kRows, m.rows + count - ahead), m.p, out);
  });
}

// Rows of one query through one chunk of its context.
void decode(const PagedAttention& a, int64_t sequence, int64_t key_head, int64_t chunk, const Row* rows, int64_t count, float* p, const Gathered& out) {
  const int32_t* blocks = a.block_tables + sequence * a.table_stride;
  switch (a.cache.type) {
    case KvType::kFloat32:
      return decode_chunk<Wide>(a.shape, a.cache, blocks, key_head, chunk, rows, count, p, out);
    case KvType::kBFloat16:
      return decode_chunk<Bf16>(a.shape, a.cache, blocks, key_head, chunk, rows, count, p, out);
    case KvType::kInt8:
      return decode_chunk<Int8>(a.shape, a.cache, blocks, key_head, chunk, rows, count, p, out);
  }
}

// The only query of a sequence, as a task.
Task only_query(const PagedAttention& a, int64_t sequence, int64_t key_head) {
  const int64_t keys = a.context_lengths[sequence];
  return {key_head, 0, 1, a.query_offsets[sequence], keys - 1, keys};
}

Gathered part_at(float* parts, int64_t index, int64_t rows, int64_t width) {
  float* p = parts + index * (2 * padded(rows) + rows * width);
  return {p, p + padded(rows), p + 2 * padded(rows)};
}

}  // namespace

size_t attention_part_floats(const AttentionShape& s) {
  const int64_t rows = s.query_heads / s.key_heads;
  return static_cast<size_t>(2 * padded(rows) + rows * padded(s.head_size));
}

void attention_paged_part(const PagedAttention& a, int64_t sequence, int64_t key_head, int64_t chunk, float* parts, float* scratch) {
  const AttentionShape& s = a.shape;
  const Task task = only_query(a, sequence, key_head);
  const int64_t width = padded(s.head_size), rows = s.query_heads / s.key_heads;
  const Range seen = visible(s, task.first_position, task.keys);
  if (chunk * kChunk >= seen.end || (chunk + 1) * kChunk <= seen.begin) return;
  const Memory m = carve(scratch, s.head_size, rows);
  make_rows(s, a.q, task, {a.y, nullptr, 0}, m.rows);
  const Gathered part = part_at(parts, chunk, rows, width);
  for (int64_t i = 0; i < rows; i += kRows)
    decode(a, sequence, key_head, chunk, m.rows + i, least(kRows, rows - i), m.p, {part.top + i, part.sum + i, part.acc + i * width});
}

void attention_paged_join(const PagedAttention& a, int64_t sequence, int64_t key_head, float* parts) {
  const AttentionShape& s = a.shape;
  const Task task = only_query(a, sequence, key_head);
  const int64_t width = padded(s.head_size), rows = s.query_heads / s.key_heads;
  const Range seen = visible(s, task.first_position, task.keys);
  const int64_t first = seen.begin / kChunk;
  const Gathered total = part_at(parts, first, rows, width);
  for (int64_t c = first + 1; c * kChunk < seen.end; ++c) {
    const Gathered part = part_at(parts, c, rows, width);
    for (int64_t i = 0; i < rows; i += kRows)
      merge({total.top + i, total.sum + i, total.acc + i * width}, {part.top + i, part.sum + i, part.acc + i * width}, least(kRows, rows - i), width);
  }
  for (int64_t i = 0; i < rows; ++i) {
    const Row row = row_of(s, a.q, task, {a.y, nullptr, 0}, 0, key_head * rows + i);
    finish(s, &row, 1, {total.top + i, total.sum + i, total.acc + i * width});
  }
}

size_t attention_forward_scratch(int64_t head_size, int64_t rows) {
  const int64_t width = padded(head_size);
  return static_cast<size_t>(row_floats(rows) + 2 * padded(rows) + rows * width + 2 * kRows + kRows * width + kRows * kChunk + 2 * kChunk * width);
}

void attention_packed(const PackedAttention& a, int64_t sequence, int64_t key_head, int64_t begin, int64_t end, float* scratch) {
  const AttentionShape& s = a.shape;
  const int64_t first = a.offsets[sequence], keys = a.offsets[sequence + 1] - first, width = padded(s.head_size), offset = key_head * s.head_size;
  const Task task{key_head, begin, end, first, 0, keys};
  const Memory m = carve(scratch, s.head_size, (end - begin) * (s.query_heads / s.key_heads));
  // Keys of the sequence that a query of the task sees.
  const Range seen{visible(s, begin, keys).begin, visible(s, end - 1, keys).end};
  walk_loaded(s, m, make_rows(s, a.q, task, {a.y, a.log_sum_exp, a.log_sum_exp_stride}, m.rows), [&](int64_t c) {
    Chunk chunk{c, {}, {}, width};
    for (int64_t t = 0; t < kChunk / kTile; ++t) {
      const int64_t start = c * kChunk + t * kTile;
      float *key_tile = m.keys + t * kTile * s.head_size, *value_tile = m.values + t * kTile * width;
      for (int64_t g = 0; g < kTileGroups; ++g) {
        chunk.keys[t * kTileGroups + g] = key_tile + g * s.head_size * kGroup;
        chunk.values[t * kTileGroups + g] = value_tile + g * kGroup * width;
      }
      if (start >= seen.end || start + kTile <= seen.begin) continue;
      const int64_t present = least(kTile, keys - start);
      prefetch_rows(a.v.data + (first + start) * a.v.stride + offset, a.v.stride, present, s.head_size);
      transpose_rows(a.k.data + (first + start) * a.k.stride + offset, a.k.stride, present, s.head_size, key_tile);
      const int64_t next = start + kTile;
      if (next < seen.end) prefetch_rows(a.k.data + (first + next) * a.k.stride + offset, a.k.stride, least(kTile, keys - next), s.head_size);
      copy_rows(a.v.data + (first + start) * a.v.stride + offset, a.v.stride, present, s.head_size, value_tile);
      if (a.through_bf16) {
        round_tile(key_tile, groups_of(present) * kGroup * s.head_size);
        round_tile(value_tile, present * width);
      }
    }
    return chunk;
  });
}

void attention_paged(const PagedAttention& a, int64_t sequence, int64_t key_head, int64_t begin, int64_t end, float* scratch) {
  const AttentionShape& s = a.shape;
  const KvCache& cache = a.cache;
  const int64_t first = a.query_offsets[sequence], queries = a.query_offsets[sequence + 1] - first, keys = a.context_lengths[sequence];
  const int64_t width = padded(s.head_size);
  const Task task{key_head, begin, end, first, keys - queries, keys};
  const Memory m = carve(scratch, s.head_size, (end - begin) * (s.query_heads / s.key_heads));
  const int32_t* blocks = a.block_tables + sequence * a.table_stride;
  const int64_t count = make_rows(s, a.q, task, {a.y, nullptr, 0}, m.rows);
  if (end - begin == 1) {
    walk(s, m, count, [&](int64_t c, const Row* rows, int64_t n, const Gathered& out) { decode(a, sequence, key_head, c, rows, n, m.p, out); });
    return;
  }
  const Range seen{visible(s, task.first_position + begin, keys).begin, visible(s, task.first_position + end - 1, keys).end};
  walk_loaded(s, m, count, [&](int64_t c) {
    Chunk chunk{c, {}, {}, width};
    for (int64_t g = 0; g < kChunkGroups; ++g) {
      const int64_t position = c * kChunk + g * kGroup;
      if (position >= seen.end || position + kGroup <= seen.begin) continue;  // no row reads it
      const KvPart part = part_of(cache, blocks[position / cache.block_size], key_head);
      chunk.keys[g] = group_keys(cache, part, position % cache.block_size, m.keys + g * kGroup * s.head_size);
      chunk.values[g] = group_values(cache, part, position % cache.block_size, m.values + g * kGroup * width);
    }
    return chunk;
  });
}

HE_ISA_END
