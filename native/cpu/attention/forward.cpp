// Attention forward: an online soft-max over key tiles, for packed sequences and for the paged cache.
//   maths    docs/numerics.md, "Attention"; online soft-max of Milakov and Gimelshein 2018, tiling of Dao et al. 2022
//   blocks   the keys of a tile are read once for all queries and heads of a task; four rows (queries x heads) run through the inner loop
//   together traffic  prefill: compute-bound (4 n^2 d operations a head); decode: keys and values of the context once
// A row's result depends on its own visible keys only: its products stop at its own range, so neither its neighbours nor stale cache
// entries reach it.
#include "core/scalar_math.h"
#include "cpu/attention/kernels.h"
#include "cpu/attention/multiply.h"
#include "cpu/attention/tile.h"

HE_ISA_BEGIN

namespace {

constexpr int64_t kRows = 4;

// Where the keys and values of a tile are: per group of 16 positions, keys [d][16] and values [16][value_stride].
struct Tile {
  const float* keys[kTileGroups];
  const float* values[kTileGroups];
  int64_t value_stride;
};

// One query row of one head, on its way through the tiles.
struct Row {
  const float* q;
  float* acc;  // [padded head size]
  Range keys;  // visible, absolute
  int64_t position;
  float slope;
  float top, sum;  // running maximum and denominator
};

// Turns products into probabilities against the new maximum; returns it and leaves their sum in `sum`.
float soften(const AttentionShape& s, const Row& row, int64_t tile, Range keys, float* p, float* sum) {
  const V16 low = splat(-__builtin_inff());
  const int64_t first = keys.begin / kGroup, last = (keys.end + kGroup - 1) / kGroup;
  V16 greatest_score = low;
  for (int64_t g = first; g < last; ++g) {
    V16 v = score(s, load(p + g * kGroup), row.slope, tile * kTile + g * kGroup - row.position);
    const int64_t begin = keys.begin - g * kGroup, end = keys.end - g * kGroup;
    if (begin > 0 || end < kGroup) v = in_range(v, low, begin, end);
    store(p + g * kGroup, v);
    greatest_score = max(greatest_score, v);
  }
  const float tile_top = reduce_max(greatest_score), top = row.top > tile_top ? row.top : tile_top;
  V16 total = zero();
  for (int64_t g = first; g < last; ++g) {
    const V16 v = exp(load(p + g * kGroup) - splat(top));
    store(p + g * kGroup, v);
    total = total + v;
  }
  *sum = reduce_add(total);
  return top;
}

// acc[r] += sum over keys of p[r][key] value[key], keys ascending; runs over neighbouring groups where they are neighbours in memory.
void add_values(const Tile& tile, Range keys, const float* const* p, float* const* acc, int64_t rows, int64_t vectors) {
  for (int64_t j = keys.begin; j < keys.end;) {
    int64_t g = j / kGroup;
    const float* start = tile.values[g] + (j % kGroup) * tile.value_stride;
    while ((g + 1) * kGroup < keys.end && tile.values[g + 1] == tile.values[g] + kGroup * tile.value_stride) ++g;
    const int64_t end = least((g + 1) * kGroup, keys.end);
    const float* a[kRows];
    for (int64_t r = 0; r < rows; ++r) a[r] = p[r] + j;
    multiply_add(a, 1, rows, start, tile.value_stride, end - j, acc, vectors);
    j = end;
  }
}

// Up to four rows through one tile; rows that see none of its keys are left out.
void attend(const AttentionShape& s, const Tile& tile, int64_t index, Row* rows, int64_t count, float* scores) {
  Row* row[kRows];
  Range keys[kRows];
  const float* q[kRows];
  float *p[kRows], *acc[kRows];
  int64_t n = 0;
  Range all{kTile, 0}, common{0, kTile};
  for (int64_t i = 0; i < count; ++i) {
    const Range r = within_tile(rows[i].keys, index);
    if (r.begin >= r.end) continue;
    row[n] = &rows[i];
    keys[n] = r;
    q[n] = rows[i].q;
    p[n] = scores + n * kTile;
    acc[n] = rows[i].acc;
    all = {least(all.begin, r.begin), greatest(all.end, r.end)};
    common = {greatest(common.begin, r.begin), least(common.end, r.end)};
    ++n;
  }
  if (n == 0) return;

  const int64_t first = all.begin / kGroup, last = (all.end + kGroup - 1) / kGroup;
  float* c[kRows];
  for (int64_t i = 0; i < n; ++i) c[i] = p[i] + first * kGroup;
  multiply({q, 1, tile.keys + first, kGroup, s.head_size, c, true}, n, last - first);

  float change[kLanes] = {}, sum[kRows];
  for (int64_t i = 0; i < n; ++i) {
    const float top = soften(s, *row[i], index, keys[i], p[i], &sum[i]);
    change[i] = row[i]->top - top;
    row[i]->top = top;
  }
  store(change, exp(load(change)));
  const int64_t width = padded(s.head_size);
  for (int64_t i = 0; i < n; ++i) {
    row[i]->sum = row[i]->sum * change[i] + sum[i];
    if (change[i] == 1.0f) continue;  // the maximum stands: a product with 1 changes nothing
    for (int64_t d = 0; d < width; d += kLanes) store(acc[i] + d, load(acc[i] + d) * splat(change[i]));
  }

  // Keys that all rows see go together; what is before and after them row by row, so that every chain runs over its own keys, ascending.
  const int64_t vectors = width / kLanes;
  if (common.begin >= common.end) common = {kTile, kTile};
  for (int64_t i = 0; i < n; ++i) add_values(tile, {keys[i].begin, least(common.begin, keys[i].end)}, p + i, acc + i, 1, vectors);
  add_values(tile, common, p, acc, n, vectors);
  for (int64_t i = 0; i < n; ++i) add_values(tile, {greatest(common.end, keys[i].begin), keys[i].end}, p + i, acc + i, 1, vectors);
}

// All rows of a task through all their tiles. load_tile(index) gives the tile's place.
template <class LoadTile>
void run(const AttentionShape& s, Row* rows, int64_t count, int64_t padded_size, float* scores, LoadTile load_tile) {
  Range tiles{INT64_MAX, 0};
  for (int64_t i = 0; i < count; ++i) {
    tiles = {least(tiles.begin, rows[i].keys.begin / kTile), greatest(tiles.end, (rows[i].keys.end + kTile - 1) / kTile)};
    memset(rows[i].acc, 0, static_cast<size_t>(padded_size) * sizeof(float));
  }
  for (int64_t t = tiles.begin; t < tiles.end; ++t) {
    const Tile tile = load_tile(t);
    for (int64_t i = 0; i < count; i += kRows) attend(s, tile, t, rows + i, least(kRows, count - i), scores);
  }
}

void prefetch(const float* p, int64_t floats) {
  constexpr int64_t kLine = 16;
  for (int64_t i = 0; i < floats; i += kLine) __builtin_prefetch(p + i, 0, 2);
}

// Rows of a task: heads of the group, and within a head queries in order, so that four neighbours mostly see the same keys.
struct Task {
  int64_t key_head, begin, end;
  int64_t first_token;     // of the sequence, in q and y
  int64_t first_position;  // of the sequence's query 0
  int64_t keys;            // of the sequence
};

int64_t make_rows(const AttentionShape& s, Heads q, const Task& t, float* acc, Row* rows) {
  const int64_t group = s.query_heads / s.key_heads, width = padded(s.head_size);
  int64_t n = 0;
  for (int64_t h = t.key_head * group; h < (t.key_head + 1) * group; ++h)
    for (int64_t i = t.begin; i < t.end; ++i, ++n) {
      const int64_t position = t.first_position + i;
      rows[n] = {q.data + (t.first_token + i) * q.stride + h * s.head_size,
                 acc + n * width,
                 visible(s, position, t.keys),
                 position,
                 s.alibi != nullptr ? s.alibi[h] : 0.0f,
                 -__builtin_inff(),
                 0.0f};
    }
  return n;
}

void finish(const AttentionShape& s, const Task& t, const Row* rows, MutableHeads y, float* log_sum_exp, int64_t log_sum_exp_stride) {
  const int64_t group = s.query_heads / s.key_heads;
  for (int64_t h = t.key_head * group; h < (t.key_head + 1) * group; ++h)
    for (int64_t i = t.begin; i < t.end; ++i, ++rows) {
      const int64_t token = t.first_token + i;
      float* out = y.data + token * y.stride + h * s.head_size;
      const V16 sum = splat(rows->sum);
      for_lanes(s.head_size, [&](int64_t d, int64_t n) { store_some(out + d, load(rows->acc + d) / sum, n); });
      if (log_sum_exp != nullptr) log_sum_exp[token * log_sum_exp_stride + h] = rows->top + log_scalar(rows->sum);
    }
}

size_t rows_floats(int64_t rows) { return (static_cast<size_t>(rows) * sizeof(Row) + 63) / 64 * 64 / sizeof(float); }

}  // namespace

// Scratch: rows, accumulators, scores of four rows, keys of a tile (transposed), values of a tile.
size_t attention_forward_scratch(int64_t head_size, int64_t rows) {
  return rows_floats(rows) + static_cast<size_t>(rows * padded(head_size) + kRows * kTile + 2 * kTile * padded(head_size));
}

void attention_packed(const PackedAttention& a, int64_t sequence, int64_t key_head, int64_t begin, int64_t end, float* scratch) {
  const AttentionShape& s = a.shape;
  const int64_t first = a.offsets[sequence], keys = a.offsets[sequence + 1] - first, width = padded(s.head_size);
  const Task task{key_head, begin, end, first, 0, keys};
  const int64_t count = (end - begin) * (s.query_heads / s.key_heads);
  Row* rows = reinterpret_cast<Row*>(scratch);
  float* acc = scratch + rows_floats(count);
  float* scores = acc + count * width;
  float* key_tile = scores + kRows * kTile;
  float* value_tile = key_tile + kTile * width;
  make_rows(s, a.q, task, acc, rows);
  run(s, rows, count, width, scores, [&](int64_t t) {
    const int64_t present = least(kTile, keys - t * kTile), offset = key_head * s.head_size;
    transpose_rows(a.k.data + (first + t * kTile) * a.k.stride + offset, a.k.stride, present, s.head_size, key_tile);
    copy_rows(a.v.data + (first + t * kTile) * a.v.stride + offset, a.v.stride, present, s.head_size, value_tile);
    Tile tile{{}, {}, width};
    for (int64_t g = 0; g < kTileGroups; ++g) {
      tile.keys[g] = key_tile + g * s.head_size * kGroup;
      tile.values[g] = value_tile + g * kGroup * width;
    }
    return tile;
  });
  finish(s, task, rows, a.y, a.log_sum_exp, a.log_sum_exp_stride);
}

void attention_paged(const PagedAttention& a, int64_t sequence, int64_t key_head, int64_t begin, int64_t end, float* scratch) {
  const AttentionShape& s = a.shape;
  const KvCache& cache = a.cache;
  const int64_t first = a.query_offsets[sequence], queries = a.query_offsets[sequence + 1] - first, keys = a.context_lengths[sequence];
  const int64_t width = padded(s.head_size), key_floats = cache.block_size * s.head_size, value_floats = cache.block_size * width;
  const Task task{key_head, begin, end, first, keys - queries, keys};
  const int64_t count = (end - begin) * (s.query_heads / s.key_heads);
  Row* rows = reinterpret_cast<Row*>(scratch);
  float* acc = scratch + rows_floats(count);
  float* scores = acc + count * width;
  const int32_t* blocks = a.block_tables + sequence * a.table_stride;
  make_rows(s, a.q, task, acc, rows);
  run(s, rows, count, width, scores, [&](int64_t t) {
    Tile tile{{}, {}, width};
    for (int64_t g = 0; g < kTileGroups; ++g) {
      // Groups beyond the context are never read; they borrow the address of the last one that is.
      const int64_t position = least(t * kTile + g * kGroup, (keys - 1) / kGroup * kGroup);
      const int64_t block = blocks[position / cache.block_size] * cache.key_heads + key_head, inside = position % cache.block_size;
      tile.keys[g] = cache.keys + block * key_floats + inside * s.head_size;
      tile.values[g] = cache.values + block * value_floats + inside * width;
      // A group is a page long or less, too short for the hardware's prefetchers: ask for the values now, while the scores are made.
      prefetch(tile.values[g], kGroup * width);
      const int64_t next = least((t + 1) * kTile + g * kGroup, (keys - 1) / kGroup * kGroup);
      prefetch(
          cache.keys + (blocks[next / cache.block_size] * cache.key_heads + key_head) * key_floats + next % cache.block_size * s.head_size,
          kGroup * s.head_size);
    }
    return tile;
  });
  finish(s, task, rows, a.y, nullptr, 0);
}

HE_ISA_END
