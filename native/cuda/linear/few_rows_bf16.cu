// y = x W^T for few rows (decode): bound by reading W once. A block has 16 columns; each of its warps sums chunks of 256 inputs of its own, 8 KiB of weights under way in every warp,
// and the block adds the chunks ascending: the order, and the bits, of the tiles.
// Traffic: W once for every 16 rows, x once a block from the second-level cache.
#include "cuda/linear/linear.h"

namespace he::cuda {
namespace {

// Elements i and i + 1 of a row of x, rounded; zeros from `end` on.
HE_GPU unsigned round_pair(Global<const float> row, int i, int end, bool pairs) {
  if (pairs && i < end) {
    const Pair x = row.get_as<Pair>(i);
    return pack_bf16(bits_to_float(x.w[0]), bits_to_float(x.w[1]));
  }
  return pack_bf16(i < end ? row.get(i) : 0.0f, i + 1 < end ? row.get(i + 1) : 0.0f);
}

HE_GPU void load_chunk(const FewRowsBf16Arguments& p, Shared<bf16> to, int first_column, int first) {
  constexpr int kVectors = kInnerChunk / 8;
  HE_UNROLL
  for (int j = 0; j < kFewRowsColumns * kVectors / kWarp; ++j) {
    const int c = static_cast<int>(lane()) * 8, column = first_column + j, n = first + c;
    const bool there = column < p.result.columns && n < p.inner;
    copy_async16((to + j * kFewRowsStride + c).at, there ? (p.w + (column * p.w_stride + n)).at : p.w.at, there);
  }
  copy_commit();
}

}  // namespace

HE_KERNEL(kFewRowsWarps * 32) product_bf16_few_rows(FewRowsBf16Arguments p) {
  const int first_column = static_cast<int>(block_x()) * kFewRowsColumns, first_row = static_cast<int>(block_y()) * kFewRows;
  const int w = static_cast<int>(warp()), l = static_cast<int>(lane()), chunks = (p.inner + kInnerChunk - 1) / kInnerChunk;
  const Shared<bf16> weights = shared_array<bf16>(w * kFewRowsColumns * kFewRowsStride * 2, kFewRowsColumns * kFewRowsStride);
  const Shared<float> parts = shared_array<float>(kFewRowsWarps * kFewRowsColumns * kFewRowsStride * 2, kFewRowsWarps * kFewRows * kFewRowsColumns);
  const bool pairs = p.inner % 2 == 0 && p.x_stride % 2 == 0 && reinterpret_cast<unsigned long long>(p.x.at) % 8 == 0;
  // Rows beyond the last read it again: nothing of theirs is stored.
  const int last = p.result.rows - 1, upper = first_row + l / 4 < last ? first_row + l / 4 : last, lower = first_row + l / 4 + 8 < last ? first_row + l / 4 + 8 : last;
  const Global<const float> x[2] = {p.x + upper * p.x_stride, p.x + lower * p.x_stride};

  float total = 0.0f;  // of row thread / 16, column thread % 16
  if (w < chunks) load_chunk(p, weights, first_column, w * kInnerChunk);
  for (int round = 0; round < chunks; round += kFewRowsWarps) {
    const int chunk = round + w;
    if (chunk < chunks) {
      const int first = chunk * kInnerChunk, steps = (p.inner - first + 31) / 32 < kInnerChunk / 32 ? (p.inner - first + 31) / 32 : kInnerChunk / 32;
      float sum[2][4] = {{0.0f, 0.0f, 0.0f, 0.0f}, {0.0f, 0.0f, 0.0f, 0.0f}};
      copy_wait<0>();
      sync_warp();
      HE_UNROLL
      for (int step = 0; step < 2 * (kInnerChunk / 32); ++step) {
        if (step / 2 >= steps) continue;  // the same for all lanes
        const int k = step * 16, n = first + k + l % 4 * 2;
        const unsigned a[4] = {round_pair(x[0], n, p.inner, pairs), round_pair(x[1], n, p.inner, pairs), round_pair(x[0], n + 8, p.inner, pairs), round_pair(x[1], n + 8, p.inner, pairs)};
        unsigned b[4];
        load_matrices(b, (weights + (l % 8 + l / 16 * 8) * kFewRowsStride + k + l / 8 % 2 * 8).at);
        multiply_bf16(sum[0], a, b[0], b[1]);
        multiply_bf16(sum[1], a, b[2], b[3]);
      }
      HE_UNROLL
      for (int i = 0; i < 8; ++i) parts.set((w * kFewRows + l / 4 + i % 4 / 2 * 8) * kFewRowsColumns + i / 4 * 8 + l % 4 * 2 + i % 2, sum[i / 4][i % 4]);
      sync_warp();
      if (chunk + kFewRowsWarps < chunks) load_chunk(p, weights, first_column, (chunk + kFewRowsWarps) * kInnerChunk);
    }
    sync_block();
    for (int i = 0; i < kFewRowsWarps && round + i < chunks; ++i) total += parts.get(i * kFewRows * kFewRowsColumns + static_cast<int>(thread()));
    sync_block();
  }
  const int row = first_row + static_cast<int>(thread()) / kFewRowsColumns, column = first_column + static_cast<int>(thread()) % kFewRowsColumns;
  if (row < p.result.rows && column < p.result.columns) p.result.store(row, column, total);
}

}  // namespace he::cuda
