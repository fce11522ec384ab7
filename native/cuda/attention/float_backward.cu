// Gradients of packed attention in float32: scores are recomputed, nothing of [queries, keys] is stored. With p the soft-max's weights and dp_j = dy . v_j:
//   ds_j = p_j (dp_j - dy . y) score',  dq = sum_j ds_j k_j,  dk_j = sum ds_j q,  dv_j = sum p_j dy
// Both kernels are one: a warp owns rows with two vectors each (q and dy, or k and v) and walks tiles of 32 of the others (k and v, or q and dy), a lane a row, then a lane a few columns.
// dq: keys ascending. dk, dv: heads of the group ascending, within one queries ascending; each one chain of fma, so nothing depends on blocks and no sum is shared between them.
// Work: 10 D operations for every visible pair and query head, 4 D of them twice. Traffic: owned rows once, the others once for every block of owned rows.
#include "cuda/attention/float_tiles.h"

namespace he::cuda {
namespace {

template <int WIDTH, bool kOwnsKeys>
struct OwnedRows {
  static constexpr int kRows = float_rows(WIDTH), kColumns = Columns<WIDTH>::kCount;

  int position[kRows];
  Keys others[kRows];  // that it takes part in; none for rows that do not exist
  float lse[kRows], delta[kRows], slope[kRows];         // of owned queries
  float first_sum[kRows][kColumns];                     // dq, or dk
  float second_sum[kOwnsKeys ? kRows : 1][kColumns];    // dv

  HE_GPU void begin() {
    HE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      HE_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        first_sum[r][c] = 0.0f;
        if (kOwnsKeys) second_sum[kOwnsKeys ? r : 0][c] = 0.0f;
      }
    }
  }

  /// Rows first .. first + 31 of the others; theirs are the lse, delta and slope given where the owned rows are keys.
  HE_GPU void tile(Shared<float> x, Shared<float> y, Shared<float> u, Shared<float> w, Shared<float> weights, int first, int size, const FloatScore& score, float other_lse,
                   float other_delta, float other_slope) {
    const int other = first + static_cast<int>(lane());
    float s[kRows], dp[kRows];
    dot_rows<WIDTH>(x, u, size, s);
    dot_rows<WIDTH>(y, w, size, dp);
    bool whole = true;
    HE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      whole = whole && others[r].first <= first && others[r].end >= first + kFloatTile;
      float p = 0.0f, ds = 0.0f;
      if (other >= others[r].first && other < others[r].end) {
        float derivative;
        const float z = score(s[r], kOwnsKeys ? other_slope : slope[r], kOwnsKeys ? position[r] - other : other - position[r], &derivative);
        p = exp_accurate(z - (kOwnsKeys ? other_lse : lse[r]));
        ds = p * (dp[r] - (kOwnsKeys ? other_delta : delta[r])) * derivative;
      }
      weights.set(static_cast<int>(lane()) * kRows + r, ds);
      if (kOwnsKeys) weights.set((kFloatTile + static_cast<int>(lane())) * kRows + r, p);
    }
    sync_warp();
    for (int j = 0; j < kFloatTile; ++j) {
      add(first_sum, u, weights, j, j, first, size, whole);
      if (kOwnsKeys) add(second_sum, w, weights, j, kFloatTile + j, first, size, whole);
    }
    sync_warp();
  }

 private:
  template <int N>
  HE_GPU void add(float (&sum)[N][kColumns], Shared<float> from, Shared<float> weights, int j, int line, int first, int size, bool whole) {
    float x[kColumns];
    Columns<WIDTH>::get(from + j * (WIDTH + 4), size, x);
    HE_UNROLL
    for (int g = 0; g < kRows; g += 4) {
      const Four p = get_shared(weights, line * kRows + g);
      HE_UNROLL
      for (int r = g; r < g + 4; ++r)
        if (whole || (first + j >= others[r].first && first + j < others[r].end)) {
          HE_UNROLL
          for (int c = 0; c < kColumns; ++c) sum[N == 1 ? 0 : r][c] = fma(p.v[r - g], x[c], sum[N == 1 ? 0 : r][c]);
        }
    }
  }
};

// The queries that see the key at `position`.
HE_GPU Keys seeing(const FloatAttentionBackwardArguments& a, const Sequence& s, int position) {
  return {a.causal ? position : 0, a.window > 0 && s.queries - position > a.window ? position + a.window : s.queries};
}

template <int WIDTH>
struct Storage {
  static constexpr int kStride = WIDTH + 4, kOfWarp = float_rows(WIDTH), kRows = kForwardWarps * kOfWarp;
  Shared<float> x = shared_array<float>(0, kRows * kStride), y = shared_array<float>(kRows * kStride * 4, kRows * kStride);
  Shared<float> u = shared_array<float>(2 * kRows * kStride * 4, kFloatTile * kStride), w = shared_array<float>((2 * kRows + kFloatTile) * kStride * 4, kFloatTile * kStride);
  Shared<float> weights = shared_array<float>(((2 * kRows + 2 * kFloatTile) * kStride + static_cast<int>(warp()) * 2 * kFloatTile * kOfWarp) * 4, 2 * kFloatTile * kOfWarp);

  HE_GPU Shared<float> of_warp(Shared<float> rows) const { return rows + static_cast<int>(warp()) * kOfWarp * kStride; }
};

template <int WIDTH>
HE_GPU void store(Global<float> to, long long stride, long long token, int head, int size, const float (&sum)[Columns<WIDTH>::kCount]) {
  HE_UNROLL
  for (int c = 0; c < Columns<WIDTH>::kCount; ++c)
    if (Columns<WIDTH>::at(c) < size) to.set(token * stride + head * size + Columns<WIDTH>::at(c), sum[c]);
}

template <int WIDTH>
HE_GPU void backward_queries(const FloatAttentionBackwardArguments& a) {
  using Room = Storage<WIDTH>;
  constexpr int kThreads = kForwardWarps * kWarp, kRows = Room::kRows, kOfWarp = Room::kOfWarp;
  const int group = a.query_heads / a.key_heads, head = static_cast<int>(block_y()), first_row = static_cast<int>(block_x()) * kRows;
  const Sequence s = sequence<false>(a, static_cast<int>(block_z()));
  const int rows = s.queries * group, size = padded(a.head_size);
  if (first_row >= rows) return;
  const int last_row = first_row + kRows < rows ? first_row + kRows - 1 : rows - 1;
  const Keys keys = {visible(a, s, first_row / group).first, visible(a, s, last_row / group).end};

  const Room room;
  load_queries<WIDTH, kRows, kThreads>(room.x, a.q, a.q_stride, s.first_token, head, group, first_row, rows, a.head_size);
  load_queries<WIDTH, kRows, kThreads>(room.y, a.dy, a.dy_stride, s.first_token, head, group, first_row, rows, a.head_size);

  OwnedRows<WIDTH, false> mine;
  const int warp_row = first_row + static_cast<int>(warp()) * kOfWarp;
  HE_UNROLL
  for (int r = 0; r < kOfWarp; ++r) {
    const int row = warp_row + r, query_head = head * group + row % group;
    const bool there = row < rows;
    const long long token = s.first_token + row / group;
    mine.position[r] = there ? row / group : 0;
    mine.others[r] = there ? visible(a, s, mine.position[r]) : Keys{0, 0};
    mine.slope[r] = there && a.alibi ? a.alibi.get(query_head) : 0.0f;
    mine.lse[r] = there ? a.log_sum_exp.get(token * a.lse_stride + query_head) : 0.0f;
    mine.delta[r] = there ? a.delta.get(token * a.query_heads + query_head) : 0.0f;
  }
  mine.begin();
  const HeadRows ks = packed_rows(a.k, a.k_stride, s.first_token, head, a.head_size, a.key_type), vs = packed_rows(a.v, a.v_stride, s.first_token, head, a.head_size, a.key_type);
  const FloatScore score{a.scale, a.soft_cap};
  for (int tile = keys.first / kFloatTile; tile * kFloatTile < keys.end; ++tile) {
    load_rows<WIDTH, kFloatTile, kThreads>(room.u, ks, tile * kFloatTile, keys);
    load_rows<WIDTH, kFloatTile, kThreads>(room.w, vs, tile * kFloatTile, keys);
    sync_block();
    mine.tile(room.of_warp(room.x), room.of_warp(room.y), room.u, room.w, room.weights, tile * kFloatTile, size, score, 0.0f, 0.0f, 0.0f);
    sync_block();
  }
  HE_UNROLL
  for (int r = 0; r < kOfWarp; ++r)
    if (warp_row + r < rows) store<WIDTH>(a.dq, a.dq_stride, s.first_token + (warp_row + r) / group, head * group + (warp_row + r) % group, a.head_size, mine.first_sum[r]);
}

template <int WIDTH>
HE_GPU void backward_keys(const FloatAttentionBackwardArguments& a) {
  using Room = Storage<WIDTH>;
  constexpr int kThreads = kForwardWarps * kWarp, kRows = Room::kRows, kOfWarp = Room::kOfWarp;
  const int group = a.query_heads / a.key_heads, head = static_cast<int>(block_y()), first_row = static_cast<int>(block_x()) * kRows;
  const Sequence s = sequence<false>(a, static_cast<int>(block_z()));
  const int size = padded(a.head_size);
  if (first_row >= s.queries) return;
  const int last_row = first_row + kRows < s.queries ? first_row + kRows - 1 : s.queries - 1;
  const Keys queries = {seeing(a, s, first_row).first, seeing(a, s, last_row).end};

  const Room room;
  const Keys owned = {0, s.queries};
  load_rows<WIDTH, kRows, kThreads>(room.x, packed_rows(a.k, a.k_stride, s.first_token, head, a.head_size, a.key_type), first_row, owned);
  load_rows<WIDTH, kRows, kThreads>(room.y, packed_rows(a.v, a.v_stride, s.first_token, head, a.head_size, a.key_type), first_row, owned);
  OwnedRows<WIDTH, true> mine;
  const int warp_row = first_row + static_cast<int>(warp()) * kOfWarp;
  HE_UNROLL
  for (int r = 0; r < kOfWarp; ++r) {
    mine.position[r] = warp_row + r;
    mine.others[r] = warp_row + r < s.queries ? seeing(a, s, warp_row + r) : Keys{0, 0};
  }
  mine.begin();
  const FloatScore score{a.scale, a.soft_cap};
  for (int query_head = head * group; query_head < (head + 1) * group; ++query_head) {
    const float slope = a.alibi ? a.alibi.get(query_head) : 0.0f;
    const HeadRows qs = packed_rows(a.q, a.q_stride, s.first_token, query_head, a.head_size, kFloatKeys), dys = packed_rows(a.dy, a.dy_stride, s.first_token, query_head, a.head_size, kFloatKeys);
    for (int tile = queries.first / kFloatTile; tile * kFloatTile < queries.end; ++tile) {
      load_rows<WIDTH, kFloatTile, kThreads>(room.u, qs, tile * kFloatTile, queries);
      load_rows<WIDTH, kFloatTile, kThreads>(room.w, dys, tile * kFloatTile, queries);
      const int query = tile * kFloatTile + static_cast<int>(lane());
      const long long token = s.first_token + query;
      const float lse = query < s.queries ? a.log_sum_exp.get(token * a.lse_stride + query_head) : 0.0f, delta = query < s.queries ? a.delta.get(token * a.query_heads + query_head) : 0.0f;
      sync_block();
      mine.tile(room.of_warp(room.x), room.of_warp(room.y), room.u, room.w, room.weights, tile * kFloatTile, size, score, lse, delta, slope);
      sync_block();
    }
  }
  HE_UNROLL
  for (int r = 0; r < kOfWarp; ++r)
    if (warp_row + r < s.queries) {
      store<WIDTH>(a.dk, a.dk_stride, s.first_token + warp_row + r, head, a.head_size, mine.first_sum[r]);
      store<WIDTH>(a.dv, a.dv_stride, s.first_token + warp_row + r, head, a.head_size, mine.second_sum[r]);
    }
}

}  // namespace

// dy . y of a row: lane l takes elements l, l + 32, ... in one chain, lanes are added in pairs.
HE_KERNEL(32) attention_delta_f32(FloatAttentionBackwardArguments a) {
  const long long token = block_x();
  const int head = static_cast<int>(block_y());
  float sum = 0.0f;
  for (int i = static_cast<int>(lane()); i < a.head_size; i += kWarp) sum = fma(a.dy.get(token * a.dy_stride + head * a.head_size + i), a.y.get(token * a.y_stride + head * a.head_size + i), sum);
  for (unsigned distance = 16; distance; distance /= 2) sum += shuffle_xor(sum, distance);
  if (lane() == 0) a.delta.set(token * a.query_heads + head, sum);
}

#define HE_ATTENTION_KERNELS(WIDTH)                                                                                                             \
  HE_KERNEL(kForwardWarps * 32) attention_backward_dq_f32_##WIDTH(FloatAttentionBackwardArguments a) { backward_queries<WIDTH>(a); }             \
  HE_KERNEL(kForwardWarps * 32) attention_backward_dkv_f32_##WIDTH(FloatAttentionBackwardArguments a) { backward_keys<WIDTH>(a); }
HE_ATTENTION_KERNELS(32)
HE_ATTENTION_KERNELS(64)
HE_ATTENTION_KERNELS(128)
HE_ATTENTION_KERNELS(256)

}  // namespace he::cuda
