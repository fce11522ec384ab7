// Sixteen rows of one warp against tiles of keys in shared memory: scores, online soft-max, weighted values. A lane holds of each 16 x 8 block rows lane/4 and lane/4 + 8,
// columns 2(lane%4) and the next.
#pragma once
#include "cuda/attention/mask.h"
#include "cuda/attention/softmax.h"

namespace he::cuda {

template <int D>
struct RowsOfWarp {
  static constexpr int kTile = key_tile(D), kStride = D + 8;

  int position[2];      // of the two rows' queries; the keys they see; none for rows that do not exist
  Keys keys[2];
  float slope[2];
  float chunk_max[2], chunk_sum[2], chunk[D / 8][4];  // of the chunk under way: sum is this lane's share
  float max[2], sum[2], total[D / 8][4];              // of the chunks before it

  HE_GPU void begin() {
    HE_UNROLL
    for (int h = 0; h < 2; ++h) max[h] = minus_infinity(), sum[h] = 0.0f;
    HE_UNROLL
    for (int n = 0; n < D / 8; ++n)
      HE_UNROLL
      for (int i = 0; i < 4; ++i) total[n][i] = 0.0f;
    begin_chunk();
  }

  HE_GPU void begin_chunk() {
    HE_UNROLL
    for (int h = 0; h < 2; ++h) chunk_max[h] = minus_infinity(), chunk_sum[h] = 0.0f;
    HE_UNROLL
    for (int n = 0; n < D / 8; ++n)
      HE_UNROLL
      for (int i = 0; i < 4; ++i) chunk[n][i] = 0.0f;
  }

  /// The rows' share of the chunk: the four lanes of a row added pairwise (distance 1, 2).
  HE_GPU void end_chunk() {
    HE_UNROLL
    for (int h = 0; h < 2; ++h)
      for (unsigned distance = 1; distance < 4; distance *= 2) chunk_sum[h] += shuffle_xor(chunk_sum[h], distance);
  }

  HE_GPU void join() {
    HE_UNROLL
    for (int h = 0; h < 2; ++h) {
      const Join join(max[h], chunk_max[h]);
      max[h] = join.maximum_;
      sum[h] = join(sum[h], chunk_sum[h]);
      HE_UNROLL
      for (int n = 0; n < D / 8; ++n)
        HE_UNROLL
        for (int i = 2 * h; i < 2 * h + 2; ++i) total[n][i] = join(total[n][i], chunk[n][i]);
    }
  }

  /// Keys first .. first + kTile - 1; q has this warp's 16 rows.
  HE_GPU void tile(Shared<bf16> q, Shared<bf16> k, Shared<bf16> v, int first, const Score& score) {
    const int l = static_cast<int>(lane());
    float s[kTile / 8][4];
    HE_UNROLL
    for (int n = 0; n < kTile / 8; ++n)
      HE_UNROLL
      for (int i = 0; i < 4; ++i) s[n][i] = 0.0f;
    HE_UNROLL
    for (int d = 0; d < D; d += 16) {
      unsigned a[4];
      load_matrices(a, (q + l % 16 * kStride + d + l / 16 * 8).at);
      HE_UNROLL
      for (int n = 0; n < kTile / 8; n += 2) {
        unsigned b[4];
        load_matrices(b, (k + (n * 8 + l % 8 + l / 16 * 8) * kStride + d + l / 8 % 2 * 8).at);
        multiply_bf16(s[n], a, b[0], b[1]);
        multiply_bf16(s[n + 1], a, b[2], b[3]);
      }
    }
    weigh(s, first + l % 4 * 2, score);
    HE_UNROLL
    for (int t = 0; t < kTile / 16; ++t) {
      const unsigned p[4] = {pack_bf16(s[2 * t][0], s[2 * t][1]), pack_bf16(s[2 * t][2], s[2 * t][3]), pack_bf16(s[2 * t + 1][0], s[2 * t + 1][1]),
                             pack_bf16(s[2 * t + 1][2], s[2 * t + 1][3])};
      HE_UNROLL
      for (int n = 0; n < D / 8; n += 2) {
        unsigned b[4];
        load_matrices_transposed(b, (v + (t * 16 + l % 16) * kStride + n * 8 + l / 16 * 8).at);
        multiply_bf16(chunk[n], p, b[0], b[1]);
        multiply_bf16(chunk[n + 1], p, b[2], b[3]);
      }
    }
  }

 private:
  // Scores to weights relative to the chunk's greatest score so far; what was summed under a lesser one is scaled down. A tile without visible keys changes no bit.
  HE_GPU void weigh(float (&s)[kTile / 8][4], int first, const Score& score) {
    HE_UNROLL
    for (int h = 0; h < 2; ++h) {
      float m = chunk_max[h];
      HE_UNROLL
      for (int n = 0; n < kTile / 8; ++n)
        HE_UNROLL
        for (int i = 0; i < 2; ++i) {
          const int key = first + n * 8 + i;
          float& x = s[n][2 * h + i];
          x = key >= keys[h].first && key < keys[h].end ? score(x, slope[h], key - position[h]) : minus_infinity();
          m = nan_maximum(m, x);
        }
      for (unsigned distance = 1; distance < 4; distance *= 2) m = nan_maximum(m, shuffle_xor(m, distance));
      const float base = m == minus_infinity() ? 0.0f : m;
      const float factor = exp2_fast(chunk_max[h] - base);
      chunk_max[h] = m;
      chunk_sum[h] *= factor;
      HE_UNROLL
      for (int n = 0; n < D / 8; ++n)
        HE_UNROLL
        for (int i = 2 * h; i < 2 * h + 2; ++i) chunk[n][i] *= factor;
      HE_UNROLL
      for (int n = 0; n < kTile / 8; ++n)
        HE_UNROLL
        for (int i = 2 * h; i < 2 * h + 2; ++i) {
          s[n][i] = exp2_fast(s[n][i] - base);
          chunk_sum[h] += s[n][i];
        }
    }
  }

  HE_GPU static float nan_maximum(float a, float b) { return a >= b || a != a ? a : b; }
};

}  // namespace he::cuda
