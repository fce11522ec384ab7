// Flash attention (Dao 2023) with tiles of keys at fixed positions. A block has the rows of one key head: 4 warps of 16 rows walk all chunks (packed, paged), or one warp has one chunk
// (split), which attention_combine puts together.
// Work: 4 D operations for every visible pair and query head. Traffic: q and y once, keys and values once for every block of rows; two stages of keys and values are under way.
#include "cuda/attention/attention.h"
#include "cuda/attention/rows.h"

namespace he::cuda {
namespace {

template <int D>
constexpr int kStride = D + 8;

// Where the keys (or values) of a sequence and head lie.
template <int D, bool kPaged>
struct KeyRows {
  Global<const bf16> base;
  long long stride;
  Global<const int> table;
  int block_size, key_heads, head;

  HE_GPU Global<const bf16> row(int key) const {
    if (!kPaged) return base + key * stride;
    const long long block = table.get(key / block_size);
    return base + ((block * key_heads + head) * block_size + key % block_size) * D;
  }

  // Keys first .. first + tile - 1 into shared memory; those outside of [keys.first, keys.end) become zeros: nothing in them, not even a NaN, is read.
  template <int THREADS>
  HE_GPU void load(Shared<bf16> to, int first, const Keys& keys) const {
    for (int i = static_cast<int>(thread()); i < key_tile(D) * (D / 8); i += THREADS) {
      const int r = i / (D / 8), c = i % (D / 8) * 8, key = first + r;
      const bool there = key >= keys.first && key < keys.end;
      copy_async16((to + r * kStride<D> + c).at, there ? (row(key) + c).at : base.at, there);
    }
  }
};

template <int D, bool kPaged>
HE_GPU KeyRows<D, kPaged> key_rows(const AttentionArguments& a, Global<const bf16> x, long long stride, const Sequence& s, int index, int head) {
  if (kPaged) return {x, 0, a.block_tables + static_cast<long long>(index) * a.max_blocks, a.block_size, a.key_heads, head};
  return {x + s.first_token * stride + head * D, stride, {}, 0, 0, 0};
}

template <int D, bool kPaged, bool kSplit>
HE_GPU void attend(const AttentionArguments& a) {
  constexpr int kWarps = kSplit ? kSplitWarps : kForwardWarps, kThreads = kWarps * kWarp, kRows = kWarps * kRowsOfWarp, kTile = key_tile(D);
  const int index = static_cast<int>(block_z()), group = a.query_heads / a.key_heads;
  const int head = static_cast<int>(block_y()) % a.key_heads;
  const int first_row = (kSplit ? static_cast<int>(block_y()) / a.key_heads : static_cast<int>(block_x())) * kRows;
  const Sequence s = sequence<kPaged>(a, index);
  const int rows = s.queries * group;
  if (first_row >= rows) return;

  // The keys that some row of the block sees, and the tiles they are in.
  const int last_row = first_row + kRows < rows ? first_row + kRows - 1 : rows - 1;
  const Keys keys = {visible(a, s, s.position(first_row / group)).first, visible(a, s, s.position(last_row / group)).end};
  int tile = keys.first / kTile, end = (keys.end + kTile - 1) / kTile;
  if (kSplit) {
    constexpr int kTiles = kKeyChunk / kTile;
    const int chunk = static_cast<int>(block_x());
    tile = tile > chunk * kTiles ? tile : chunk * kTiles;
    end = end < (chunk + 1) * kTiles ? end : (chunk + 1) * kTiles;
    if (tile >= end) return;
  }

  const Shared<bf16> q = shared_array<bf16>(0, kRows * kStride<D>);
  const auto stage = [](int i) { return shared_array<bf16>((kRows + i * kTile) * kStride<D> * 2, kTile * kStride<D>); };
  const KeyRows<D, kPaged> ks = key_rows<D, kPaged>(a, a.k, a.k_stride, s, index, head), vs = key_rows<D, kPaged>(a, a.v, a.v_stride, s, index, head);
  for (int i = static_cast<int>(thread()); i < kRows * (D / 8); i += kThreads) {
    const int r = i / (D / 8), c = i % (D / 8) * 8, row = first_row + r;
    const Global<const bf16> from = row < rows ? a.q + (s.first_token + row / group) * a.q_stride + (head * group + row % group) * D + c : a.q;
    copy_async16((q + r * kStride<D> + c).at, from.at, row < rows);
  }
  ks.template load<kThreads>(stage(0), tile * kTile, keys);
  vs.template load<kThreads>(stage(1), tile * kTile, keys);
  copy_commit();

  RowsOfWarp<D> mine;
  const int warp_row = first_row + static_cast<int>(warp()) * kRowsOfWarp;
  HE_UNROLL
  for (int h = 0; h < 2; ++h) {
    const int row = warp_row + static_cast<int>(lane()) / 4 + 8 * h;
    const bool there = row < rows;
    mine.position[h] = there ? s.position(row / group) : 0;
    mine.keys[h] = there ? visible(a, s, mine.position[h]) : Keys{0, 0};
    mine.slope[h] = there && a.alibi ? a.alibi.get(head * group + row % group) * kLog2E : 0.0f;
  }
  const Score score(a);
  const Shared<bf16> warp_q = q + static_cast<int>(warp()) * kRowsOfWarp * kStride<D>;
  mine.begin();
  for (int i = 0; tile < end; ++tile, ++i) {
    if (tile + 1 < end) {
      ks.template load<kThreads>(stage((i + 1) % 2 * 2), (tile + 1) * kTile, keys);
      vs.template load<kThreads>(stage((i + 1) % 2 * 2 + 1), (tile + 1) * kTile, keys);
      copy_commit();
      copy_wait<1>();
    } else {
      copy_wait<0>();
    }
    sync_block();
    mine.tile(warp_q, stage(i % 2 * 2), stage(i % 2 * 2 + 1), tile * kTile, score);
    if ((tile + 1) * kTile % kKeyChunk == 0 || tile + 1 == end) {
      mine.end_chunk();
      if (!kSplit) {
        mine.join();
        mine.begin_chunk();
      }
    }
    sync_block();
  }

  HE_UNROLL
  for (int h = 0; h < 2; ++h) {
    const int row = warp_row + static_cast<int>(lane()) / 4 + 8 * h, column = static_cast<int>(lane()) % 4 * 2;
    if (row >= rows) continue;
    const long long token = s.first_token + row / group;
    const int query_head = head * group + row % group;
    if (kSplit) {
      const long long at = (token * a.query_heads + query_head) * a.max_chunks + block_x();
      HE_UNROLL
      for (int n = 0; n < D / 8; ++n) a.partial.set_as<Pair>(at * D + n * 8 + column, {{float_to_bits(mine.chunk[n][2 * h]), float_to_bits(mine.chunk[n][2 * h + 1])}});
      if (column == 0) a.partial_scale.set_as<Pair>(at * 2, {{float_to_bits(mine.chunk_max[h]), float_to_bits(mine.chunk_sum[h])}});
    } else {
      const float inverse = mine.max[h] == minus_infinity() ? 0.0f : divide(1.0f, mine.sum[h]);
      HE_UNROLL
      for (int n = 0; n < D / 8; ++n)
        a.y.set_as<Word>(token * a.y_stride + query_head * D + n * 8 + column,
                         {pack_bf16(fma(mine.total[n][2 * h], inverse, 0.0f), fma(mine.total[n][2 * h + 1], inverse, 0.0f))});
      if (column == 0 && a.log_sum_exp) a.log_sum_exp.set(token * a.query_heads + query_head, (mine.max[h] + log2_fast(mine.sum[h])) * kLn2);
    }
  }
}

// One warp a row: lane l has elements 2l, 2l + 1, 2l + 64 and so on.
template <int D>
HE_GPU void combine(const AttentionArguments& a) {
  const Sequence s = sequence<true>(a, static_cast<int>(block_z()));
  const int query = static_cast<int>(block_x()), head = static_cast<int>(block_y());
  if (query >= s.queries) return;
  const Keys keys = visible(a, s, s.position(query));
  const long long row = static_cast<long long>(s.first_token + query) * a.query_heads + head;
  constexpr int kSteps = (D + 2 * kWarp - 1) / (2 * kWarp);
  const int first = static_cast<int>(lane()) * 2;
  float max = minus_infinity(), sum = 0.0f, total[kSteps][2];
  HE_UNROLL
  for (int i = 0; i < kSteps; ++i) total[i][0] = total[i][1] = 0.0f;
  for (int chunk = keys.first / kKeyChunk; chunk * kKeyChunk < keys.end; ++chunk) {
    const long long at = row * a.max_chunks + chunk;
    const Pair scale = a.partial_scale.get_as<Pair>(at * 2);
    const Join join(max, bits_to_float(scale.w[0]));
    max = join.maximum_;
    sum = join(sum, bits_to_float(scale.w[1]));
    HE_UNROLL
    for (int i = 0; i < kSteps; ++i)
      if (first + i * 2 * kWarp < D) {
        const Pair x = a.partial.get_as<Pair>(at * D + first + i * 2 * kWarp);
        total[i][0] = join(total[i][0], bits_to_float(x.w[0]));
        total[i][1] = join(total[i][1], bits_to_float(x.w[1]));
      }
  }
  const float inverse = max == minus_infinity() ? 0.0f : divide(1.0f, sum);
  HE_UNROLL
  for (int i = 0; i < kSteps; ++i)
    if (first + i * 2 * kWarp < D)
      a.y.set_as<Word>((s.first_token + query) * a.y_stride + head * D + first + i * 2 * kWarp, {pack_bf16(fma(total[i][0], inverse, 0.0f), fma(total[i][1], inverse, 0.0f))});
}

}  // namespace

#define HE_ATTENTION_KERNELS(D)                                                                                       \
  HE_KERNEL(kForwardWarps * 32) attention_packed_bf16_##D(AttentionArguments a) { attend<D, false, false>(a); }       \
  HE_KERNEL(kForwardWarps * 32) attention_paged_bf16_##D(AttentionArguments a) { attend<D, true, false>(a); }         \
  HE_KERNEL(kSplitWarps * 32) attention_split_bf16_##D(AttentionArguments a) { attend<D, true, true>(a); }            \
  HE_KERNEL(32) attention_combine_bf16_##D(AttentionArguments a) { combine<D>(a); }
HE_ATTENTION_KERNELS(64)
HE_ATTENTION_KERNELS(80)
HE_ATTENTION_KERNELS(96)
HE_ATTENTION_KERNELS(128)
HE_ATTENTION_KERNELS(256)

}  // namespace he::cuda
