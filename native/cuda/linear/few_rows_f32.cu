// y = x W^T in float32 for few rows (decode), W of any format: bound by reading W once, in its own width. A block has sixteen columns; half a warp has a chunk of 256 inputs of its own,
// a lane a column of it: the chain of the tiles, so their bits. Weights come by asynchronous copies, two stages of 256 bytes a column under way; lanes read rows 272 bytes apart: no bank twice.
// Traffic: W once for every R rows; x from the first-level cache, the same address in sixteen lanes.
#include "cuda/linear/linear.h"

namespace he::cuda {
namespace {

constexpr int kHalf = 16, kChunksOfBlock = 2 * kFewRowsF32Warps;

template <class Format>
struct FewRows {
  static constexpr int kStageInputs = kStageWords / Format::kWords * 32 < kInnerChunk ? kStageWords / Format::kWords * 32 : kInnerChunk;
  static constexpr int kStages = kInnerChunk / kStageInputs, kVectors = kStageInputs / 32 * Format::kWords / 4;  // of a chunk; of a column's stage, 16 bytes each

  const Float32ForwardArguments& p;
  Shared<Word> ring;  // of this warp: [2][half][column][kStageStride]
  int first_column;

  // Stage s of the warp's two chunks, chunk0 and the next.
  HE_GPU void load(int chunk0, int s) const {
    const Shared<Word> to = ring + s % 2 * 2 * kFewRowsColumns * kStageStride;
    HE_UNROLL
    for (int j = 0; j < 2 * kFewRowsColumns * kVectors / kWarp; ++j) {
      const int i = static_cast<int>(lane()) + j * kWarp, line = i / kVectors, v = i % kVectors;
      const int column = first_column + line % kFewRowsColumns, first = (chunk0 + line / kFewRowsColumns) * kInnerChunk + s * kStageInputs;
      const int word = first / 32 * Format::kWords + v * 4;  // of the row
      const bool there = column < p.result.columns && first + v * 128 / Format::kWords < p.inner;
      copy_async16((to + line * kStageStride + v * 4).at, there ? (p.w.data + (column * p.w.stride + word)).at : p.w.data.at, there);
    }
    copy_commit();
  }

  // Adds stage s of this lane's chunk to the chains of its rows.
  template <int R>
  HE_GPU void add(float (&sum)[R], int chunk, int s, int column, int first_row, bool vectors) const {
    const Shared<Word> row = ring + ((s % 2 * 2 + static_cast<int>(lane()) / kHalf) * kFewRowsColumns + static_cast<int>(lane()) % kHalf) * kStageStride;
    const int first = chunk * kInnerChunk + s * kStageInputs;
    for (int b = 0; b < kStageInputs; b += 32) {
      if (first + b >= p.inner) break;
      const BlockScale scale = block_scale<Format>(p.w, column, (first + b) / 32);
      for (int k = 0; k < 32; k += 4) {
        const Four w = scaled<Format>(Format::numbers(row, b + k), scale);
        HE_UNROLL
        for (int r = 0; r < R; ++r) {
          if (first_row + r >= p.result.rows || first + b + k >= p.inner) continue;
          const Four x = get_four(p.x + (first_row + r) * p.x_stride, first + b + k, p.inner, vectors);
          HE_UNROLL
          for (int j = 0; j < 4; ++j) sum[r] = fma(x.v[j], w.v[j], sum[r]);
        }
      }
    }
  }
};

template <class Format, int R>
HE_GPU void few_rows(const Float32ForwardArguments& p) {
  using Few = FewRows<Format>;
  const int w = static_cast<int>(warp()), half = static_cast<int>(lane()) / kHalf, l = static_cast<int>(lane()) % kHalf;
  const int first_column = static_cast<int>(block_x()) * kFewRowsColumns, first_row = static_cast<int>(block_y()) * R, chunks = (p.inner + kInnerChunk - 1) / kInnerChunk;
  const int column = first_column + l < p.result.columns ? first_column + l : p.result.columns - 1;  // lanes beyond the last repeat it: what they sum is not stored
  constexpr int kRing = 2 * 2 * kFewRowsColumns * kStageStride;
  const Few few = {p, shared_array<Word>(w * kRing * 4, kRing), first_column};
  const Shared<float> parts = shared_array<float>(kFewRowsF32Warps * kRing * 4, kChunksOfBlock * R * kFewRowsColumns);
  const bool vectors = p.inner % 4 == 0 && in_vectors(p.x, p.x_stride, 4);

  float total = 0.0f;  // of row thread / 16, column thread % 16
  for (int round = 0; round < chunks; round += kChunksOfBlock) {
    const int chunk0 = round + 2 * w, chunk = chunk0 + half;
    if (chunk0 < chunks) {
      float sum[R];
      HE_UNROLL
      for (int r = 0; r < R; ++r) sum[r] = 0.0f;
      few.load(chunk0, 0);
      for (int s = 0; s < Few::kStages; ++s) {
        if (s + 1 < Few::kStages) {
          few.load(chunk0, s + 1);
          copy_wait<1>();
        } else {
          copy_wait<0>();
        }
        sync_warp();
        few.template add<R>(sum, chunk, s, column, first_row, vectors);
        sync_warp();
      }
      HE_UNROLL
      for (int r = 0; r < R; ++r) parts.set(((2 * w + half) * R + r) * kFewRowsColumns + l, sum[r]);
    }
    sync_block();
    if (static_cast<int>(thread()) < R * kFewRowsColumns)
      for (int c = 0; c < kChunksOfBlock && round + c < chunks; ++c) total += parts.get(c * R * kFewRowsColumns + static_cast<int>(thread()));
    sync_block();
  }
  const int row = first_row + static_cast<int>(thread()) / kFewRowsColumns, mine = first_column + static_cast<int>(thread()) % kFewRowsColumns;
  if (static_cast<int>(thread()) < R * kFewRowsColumns && row < p.result.rows && mine < p.result.columns) p.result.store(row, mine, total);
}

}  // namespace

#define HE_FEW_ROWS_KERNELS(NAME, FORMAT)                                                                                      \
  HE_KERNEL(kFewRowsF32Threads) product_f32_few_rows_##NAME##_1(Float32ForwardArguments p) { few_rows<FORMAT, 1>(p); }         \
  HE_KERNEL(kFewRowsF32Threads) product_f32_few_rows_##NAME##_8(Float32ForwardArguments p) { few_rows<FORMAT, 8>(p); }
HE_WEIGHT_FORMATS(HE_FEW_ROWS_KERNELS)

}  // namespace he::cuda
