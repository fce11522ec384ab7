// Rows: a block each, as in the forward: thread t takes groups of four t, t + 128, ... in one chain, then block_sum. Traffic: dy and sum read once (again from the first-level cache), dSum written once.
// Columns: a block has 32 of them, a warp every eighth chunk of 64 rows, a lane a column; the block adds the chunks ascending. Traffic: dy, and for weights sum, once.
#include "cuda/norm/norm_backward.h"

#include "cuda/dialect/rows.h"

namespace he::cuda {

HE_KERNEL(kNormBackwardThreads) norm_backward_f32(NormBackwardArguments a) {
  const long long r = block_x();
  const Global<const float> dy = a.dy + r * a.dy_stride, sum = a.sum + r * a.sum_stride;
  const Global<float> d_sum = a.d_sum + r * a.d_sum_stride;
  const float mean = a.statistics.get(r * a.statistics_stride), inverse = a.statistics.get(r * a.statistics_stride + 1);
  const bool vectors = in_vectors(a.dy, a.dy_stride, a.width) && in_vectors(a.sum, a.sum_stride, a.width) && in_vectors(a.d_sum, a.d_sum_stride, a.width) && in_vectors(a.weight, 4, 4);
  const Shared<float> scratch = shared_array<float>(0, 2 * kNormBackwardThreads / kWarp);
  const int first = 4 * static_cast<int>(thread()), step = 4 * kNormBackwardThreads;
  const float count = static_cast<float>(a.width);

  float total = 0.0f, products = 0.0f;
  for (int i = first; i < a.width; i += step) {
    const Four d = get_four(dy, i, a.width, vectors), s = get_four(sum, i, a.width, vectors), w = get_four(a.weight, i, a.width, vectors);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) {
      const float g = d.v[j] * (w.v[j] + a.weight_offset);
      total += g, products = fma(g, (s.v[j] - mean) * inverse, products);
    }
  }
  const float mean_g = a.layer ? divide(block_sum<kNormBackwardThreads>(total, scratch), count) : 0.0f;
  const float mean_gh = divide(block_sum<kNormBackwardThreads>(products, scratch + kNormBackwardThreads / kWarp), count);
  for (int i = first; i < a.width; i += step) {
    Four d = get_four(dy, i, a.width, vectors);
    const Four s = get_four(sum, i, a.width, vectors), w = get_four(a.weight, i, a.width, vectors);
    Four old = {{0.0f, 0.0f, 0.0f, 0.0f}};
    if (a.accumulate) old = get_four(static_cast<Global<const float>>(d_sum), i, a.width, vectors);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) {
      const float h = (s.v[j] - mean) * inverse;
      const float value = inverse * fma(-h, mean_gh, d.v[j] * (w.v[j] + a.weight_offset) - mean_g);
      d.v[j] = a.accumulate ? value + old.v[j] : value;
    }
    set_four(d_sum, i, a.width, vectors, d);
  }
}

HE_KERNEL(kColumnSumWarps * 32) column_sums_f32(ColumnSumArguments a) {
  const int l = static_cast<int>(lane()), w = static_cast<int>(warp()), column = static_cast<int>(block_x()) * kWarp + l;
  const bool there = column < a.width, weights = static_cast<bool>(a.d_weight);
  const int chunks = (a.rows + kRowChunk - 1) / kRowChunk;
  const Shared<float> parts = shared_array<float>(0, 2 * kColumnSumWarps * kWarp);
  float d_weight = 0.0f, d_bias = 0.0f;
  for (int round = 0; round < chunks; round += kColumnSumWarps) {
    float products = 0.0f, plain = 0.0f;
    const int first = (round + w) * kRowChunk, end = first + kRowChunk < a.rows ? first + kRowChunk : a.rows;
    if (there) {
      for (int r = first; r < end; ++r) {
        const float d = a.dy.get(r * a.dy_stride + column);
        plain += d;
        if (weights) products = fma(d, (a.sum.get(r * a.sum_stride + column) - a.statistics.get(r * a.statistics_stride)) * a.statistics.get(r * a.statistics_stride + 1), products);
      }
    }
    parts.set(w * kWarp + l, products);
    parts.set((kColumnSumWarps + w) * kWarp + l, plain);
    sync_block();
    if (w == 0) {
      for (int i = 0; i < kColumnSumWarps && round + i < chunks; ++i) d_weight += parts.get(i * kWarp + l), d_bias += parts.get((kColumnSumWarps + i) * kWarp + l);
    }
    sync_block();
  }
  if (w != 0 || !there) return;
  if (weights) a.d_weight.set(column, a.d_weight.get(column) + d_weight);
  if (a.d_bias) a.d_bias.set(column, a.d_bias.get(column) + d_bias);
}

}  // namespace he::cuda
