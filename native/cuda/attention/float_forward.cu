// Flash attention (Dao 2023) in float32 on the ordinary units. A block has rows of one key head (a query and one head of its group each); a warp has float_rows of them and walks tiles of
// 32 keys: for the scores a lane has a key, for the weighted sum a few columns. A masked key's value is not multiplied. Split: one warp has one chunk, attention_combine_f32 joins them.
// Work: 4 D operations for every visible pair and query head. Traffic: q and y once, keys and values once for every block of rows; of a tile, shared memory is read once for every row of a warp.
#include "cuda/attention/float_tiles.h"
#include "cuda/attention/softmax.h"

namespace he::cuda {
namespace {

template <int WIDTH>
struct WarpRows {
  static constexpr int kRows = float_rows(WIDTH), kColumns = Columns<WIDTH>::kCount;

  int position[kRows];
  Keys keys[kRows];  // rows that do not exist see everything and are never stored
  float slope[kRows];
  float chunk_max[kRows], chunk_sum[kRows], chunk[kRows][kColumns];  // of the chunk under way
  float max[kRows], sum[kRows], total[kRows][kColumns];              // of the chunks before it

  HE_GPU void begin() {
    HE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      max[r] = minus_infinity(), sum[r] = 0.0f;
      HE_UNROLL
      for (int c = 0; c < kColumns; ++c) total[r][c] = 0.0f;
    }
    begin_chunk();
  }

  HE_GPU void begin_chunk() {
    HE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      chunk_max[r] = minus_infinity(), chunk_sum[r] = 0.0f;
      HE_UNROLL
      for (int c = 0; c < kColumns; ++c) chunk[r][c] = 0.0f;
    }
  }

  HE_GPU void join() {
    HE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const JoinIn<BaseE> join(max[r], chunk_max[r]);
      max[r] = join.maximum_;
      sum[r] = join(sum[r], chunk_sum[r]);
      HE_UNROLL
      for (int c = 0; c < kColumns; ++c) total[r][c] = join(total[r][c], chunk[r][c]);
    }
  }

  /// Keys first .. first + 31. `weights` has room for 32 * kRows floats of this warp.
  HE_GPU void tile(Shared<float> q, Shared<float> k, Shared<float> v, Shared<float> weights, int first, int size, const FloatScore& score) {
    const int key = first + static_cast<int>(lane());
    float s[kRows];
    dot_rows<WIDTH>(q, k, size, s);
    bool whole = true;
    HE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      whole = whole && keys[r].first <= first && keys[r].end >= first + kFloatTile;
      const bool seen = key >= keys[r].first && key < keys[r].end;
      const float x = seen ? score(s[r], slope[r], key - position[r]) : minus_infinity();
      float m = x;
      for (unsigned distance = 16; distance; distance /= 2) m = nan_maximum(m, shuffle_xor(m, distance));
      m = nan_maximum(chunk_max[r], m);
      const float base = m == minus_infinity() ? 0.0f : m, factor = exp_accurate(chunk_max[r] - base), p = seen ? exp_accurate(x - base) : 0.0f;
      float l = p;
      for (unsigned distance = 16; distance; distance /= 2) l += shuffle_xor(l, distance);
      chunk_max[r] = m;
      chunk_sum[r] = fma(chunk_sum[r], factor, l);
      HE_UNROLL
      for (int c = 0; c < kColumns; ++c) chunk[r][c] *= factor;
      weights.set(static_cast<int>(lane()) * kRows + r, p);
    }
    sync_warp();
    for (int j = 0; j < kFloatTile; ++j) {
      float x[kColumns];
      Columns<WIDTH>::get(v + j * (WIDTH + 4), size, x);
      HE_UNROLL
      for (int g = 0; g < kRows; g += 4) {
        const Four p = get_shared(weights, j * kRows + g);
        HE_UNROLL
        for (int r = g; r < g + 4; ++r)
          if (whole || (first + j >= keys[r].first && first + j < keys[r].end)) {
            HE_UNROLL
            for (int c = 0; c < kColumns; ++c) chunk[r][c] = fma(p.v[r - g], x[c], chunk[r][c]);
          }
      }
    }
    sync_warp();
  }
};

template <bool kPaged>
HE_GPU HeadRows key_rows(const FloatAttentionArguments& a, Global<const float> x, long long stride, const Sequence& s, int index, int head) {
  if (!kPaged) return packed_rows(x, stride, s.first_token, head, a.head_size, a.key_type);
  return {x, 0, a.block_tables + static_cast<long long>(index) * a.max_blocks, a.block_size, a.key_heads, head, a.head_size, a.key_type, a.head_size % 4 == 0};
}

template <int WIDTH, bool kPaged, bool kSplit>
HE_GPU void attend(const FloatAttentionArguments& a) {
  constexpr int kWarps = kSplit ? kSplitWarps : kForwardWarps, kThreads = kWarps * kWarp, kOfWarp = float_rows(WIDTH), kRows = kWarps * kOfWarp, kStride = WIDTH + 4;
  const int index = static_cast<int>(block_z()), group = a.query_heads / a.key_heads, head = static_cast<int>(block_y()) % a.key_heads;
  const int first_row = (kSplit ? static_cast<int>(block_y()) / a.key_heads : static_cast<int>(block_x())) * kRows;
  const Sequence s = sequence<kPaged>(a, index);
  const int rows = s.queries * group;
  if (first_row >= rows) return;

  // The keys that some row of the block sees, and the tiles they are in.
  const int last_row = first_row + kRows < rows ? first_row + kRows - 1 : rows - 1;
  const Keys keys = {visible(a, s, s.position(first_row / group)).first, visible(a, s, s.position(last_row / group)).end};
  int tile = keys.first / kFloatTile, end = (keys.end + kFloatTile - 1) / kFloatTile;
  if (kSplit) {
    constexpr int kTiles = kKeyChunk / kFloatTile;
    const int chunk = static_cast<int>(block_x());
    tile = tile > chunk * kTiles ? tile : chunk * kTiles;
    end = end < (chunk + 1) * kTiles ? end : (chunk + 1) * kTiles;
    if (tile >= end) return;
  }

  const Shared<float> q = shared_array<float>(0, kRows * kStride), k = shared_array<float>(kRows * kStride * 4, kFloatTile * kStride);
  const Shared<float> v = shared_array<float>((kRows + kFloatTile) * kStride * 4, kFloatTile * kStride);
  const Shared<float> weights = shared_array<float>(((kRows + 2 * kFloatTile) * kStride + static_cast<int>(warp()) * kFloatTile * kOfWarp) * 4, kFloatTile * kOfWarp);
  const HeadRows ks = key_rows<kPaged>(a, a.k, a.k_stride, s, index, head), vs = key_rows<kPaged>(a, a.v, a.v_stride, s, index, head);
  const int size = padded(a.head_size);
  load_queries<WIDTH, kRows, kThreads>(q, a.q, a.q_stride, s.first_token, head, group, first_row, rows, a.head_size);

  WarpRows<WIDTH> mine;
  const int warp_row = first_row + static_cast<int>(warp()) * kOfWarp;
  HE_UNROLL
  for (int r = 0; r < kOfWarp; ++r) {
    const int row = warp_row + r;
    const bool there = row < rows;
    mine.position[r] = there ? s.position(row / group) : 0;
    mine.keys[r] = there ? visible(a, s, mine.position[r]) : Keys{0, 0x7fffffff};
    mine.slope[r] = there && a.alibi ? a.alibi.get(head * group + row % group) : 0.0f;
  }
  const FloatScore score{a.scale, a.soft_cap};
  mine.begin();
  for (; tile < end; ++tile) {
    load_rows<WIDTH, kFloatTile, kThreads>(k, ks, tile * kFloatTile, keys);
    load_rows<WIDTH, kFloatTile, kThreads>(v, vs, tile * kFloatTile, keys);
    sync_block();
    mine.tile(q + static_cast<int>(warp()) * kOfWarp * kStride, k, v, weights, tile * kFloatTile, size, score);
    if (!kSplit && ((tile + 1) * kFloatTile % kKeyChunk == 0 || tile + 1 == end)) {
      mine.join();
      mine.begin_chunk();
    }
    sync_block();
  }

  HE_UNROLL
  for (int r = 0; r < kOfWarp; ++r) {
    const int row = warp_row + r;
    if (row >= rows) continue;
    const long long token = s.first_token + row / group;
    const int query_head = head * group + row % group;
    const long long at = (token * a.query_heads + query_head) * a.max_chunks + block_x();
    const float inverse = mine.max[r] == minus_infinity() ? 0.0f : divide(1.0f, mine.sum[r]);
    HE_UNROLL
    for (int c = 0; c < Columns<WIDTH>::kCount; ++c) {
      const int column = Columns<WIDTH>::at(c);
      if (column >= a.head_size) continue;
      if (kSplit) a.partial.set(at * a.head_size + column, mine.chunk[r][c]);
      else a.y.set(token * a.y_stride + query_head * a.head_size + column, fma(mine.total[r][c], inverse, 0.0f));
    }
    if (lane() != 0) continue;
    if (kSplit) a.partial_scale.set_as<Pair>(at * 2, {{float_to_bits(mine.chunk_max[r]), float_to_bits(mine.chunk_sum[r])}});
    else if (a.log_sum_exp) a.log_sum_exp.set(token * a.query_heads + query_head, mine.max[r] + log_accurate(mine.sum[r]));
  }
}

}  // namespace

// One warp a row; a lane has every 32nd column.
HE_KERNEL(32) attention_combine_f32(FloatAttentionArguments a) {
  const Sequence s = sequence<true>(a, static_cast<int>(block_z()));
  const int query = static_cast<int>(block_x()), head = static_cast<int>(block_y());
  if (query >= s.queries) return;
  const Keys keys = visible(a, s, s.position(query));
  const long long row = static_cast<long long>(s.first_token + query) * a.query_heads + head;
  for (int column = static_cast<int>(lane()); column < a.head_size; column += kWarp) {
    float max = minus_infinity(), sum = 0.0f, total = 0.0f;
    for (int chunk = keys.first / kKeyChunk; chunk * kKeyChunk < keys.end; ++chunk) {
      const long long at = row * a.max_chunks + chunk;
      const Pair scale = a.partial_scale.get_as<Pair>(at * 2);
      const JoinIn<BaseE> join(max, bits_to_float(scale.w[0]));
      max = join.maximum_;
      sum = join(sum, bits_to_float(scale.w[1]));
      total = join(total, a.partial.get(at * a.head_size + column));
    }
    a.y.set((s.first_token + query) * a.y_stride + head * a.head_size + column, fma(total, max == minus_infinity() ? 0.0f : divide(1.0f, sum), 0.0f));
  }
}

#define HE_ATTENTION_KERNELS(WIDTH)                                                                                                      \
  HE_KERNEL(kForwardWarps * 32) attention_packed_f32_##WIDTH(FloatAttentionArguments a) { attend<WIDTH, false, false>(a); }              \
  HE_KERNEL(kForwardWarps * 32) attention_paged_f32_##WIDTH(FloatAttentionArguments a) { attend<WIDTH, true, false>(a); }                \
  HE_KERNEL(kSplitWarps * 32) attention_split_f32_##WIDTH(FloatAttentionArguments a) { attend<WIDTH, true, true>(a); }
HE_ATTENTION_KERNELS(32)
HE_ATTENTION_KERNELS(64)
HE_ATTENTION_KERNELS(128)
HE_ATTENTION_KERNELS(256)

}  // namespace he::cuda
