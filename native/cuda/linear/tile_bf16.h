// One tile of a bf16 product on tensor cores: a block walks the inner dimension in steps of 32, four stages of both operands under way.
// A lane holds of each 16 x 8 block of results rows lane/4 and lane/4 + 8, columns 2(lane%4) and the next.
#pragma once
#include "cuda/linear/linear.h"

namespace he::cuda {

/// An operand in shared memory: OUTER results' worth of kBf16Step inner elements, as it lies in global memory; rows are 16 bytes longer than what they hold, so that no two of eight fall into the same banks.
template <int OUTER, bool IN_ROWS>
struct OperandTile {
  static constexpr int kLines = IN_ROWS ? OUTER : kBf16Step, kLength = IN_ROWS ? kBf16Step : OUTER, kStride = kLength + 8, kElements = kLines * kStride;

  Global<const bf16> from;
  long long stride;
  int first, outer, inner;  // the tile's first result, how many there are, and how long the sums are

  /// Inner elements k .. k + 31 to `to`; what does not exist becomes zero.
  template <int THREADS>
  HE_GPU void load(Shared<bf16> to, int k) const {
    static_assert(kLines * (kLength / 8) % THREADS == 0, "every thread copies as much");
    HE_UNROLL
    for (int j = 0; j < kLines * (kLength / 8) / THREADS; ++j) {
      const int i = static_cast<int>(thread()) + j * THREADS, line = i / (kLength / 8), c = i % (kLength / 8) * 8;
      const int o = first + (IN_ROWS ? line : c), n = k + (IN_ROWS ? c : line);
      const bool there = o < outer && n < inner;
      const Global<const bf16> source = from + (IN_ROWS ? o * stride + n : n * stride + o);
      copy_async16((to + line * kStride + c).at, there ? source.at : from.at, there);
    }
  }

  /// The left operand's fragment: results o .. o + 15, inner elements k .. k + 15 of the stage.
  HE_GPU static void left(unsigned (&r)[4], Shared<bf16> stage, int o, int k) {
    const int l = static_cast<int>(lane());
    if (IN_ROWS) load_matrices(r, (stage + (o + l % 16) * kStride + k + l / 16 * 8).at);
    else load_matrices_transposed(r, (stage + (k + l / 16 * 8 + l % 8) * kStride + o + l / 8 % 2 * 8).at);
  }

  /// The right operand's: of results o .. o + 7 in r[0], r[1], of the next eight in r[2], r[3].
  HE_GPU static void right(unsigned (&r)[4], Shared<bf16> stage, int o, int k) {
    const int l = static_cast<int>(lane());
    if (IN_ROWS) load_matrices(r, (stage + (o + l % 8 + l / 16 * 8) * kStride + k + l / 8 % 2 * 8).at);
    else load_matrices_transposed(r, (stage + (k + l % 16) * kStride + o + l / 16 * 8).at);
  }
};

/// TILE x TILE results; WARPS_M x WARPS_N warps share them.
template <int TILE, int WARPS_M, int WARPS_N, bool A_IN_ROWS, bool B_IN_ROWS>
struct TileBf16 {
  static constexpr int kThreads = WARPS_M * WARPS_N * kWarp, kM = TILE / WARPS_M / 16, kN = TILE / WARPS_N / 8;
  using A = OperandTile<TILE, A_IN_ROWS>;
  using B = OperandTile<TILE, B_IN_ROWS>;

  float part[kM][kN][4], total[kM][kN][4];

  /// Results from (first_row, first_column) on.
  HE_GPU void run(const ProductArguments<bf16>& p, int first_row, int first_column) {
    const A a = {p.a, p.a_stride, first_row, p.result.rows, p.inner};
    const B b = {p.b, p.b_stride, first_column, p.result.columns, p.inner};
    const auto stage = [](int i) { return shared_array<bf16>(i % kBf16Stages * (A::kElements + B::kElements) * 2, A::kElements + B::kElements); };
    const int steps = (p.inner + kBf16Step - 1) / kBf16Step;
    const int row = static_cast<int>(warp()) / WARPS_N * kM * 16, column = static_cast<int>(warp()) % WARPS_N * kN * 8;
    clear(total);
    clear(part);
    HE_UNROLL
    for (int s = 0; s < kBf16Stages - 1; ++s) fetch(a, b, stage(s), s, steps);
    for (int s = 0; s < steps; ++s) {
      copy_wait<kBf16Stages - 2>();
      sync_block();  // everybody's share of this stage has come, and nobody reads the one that is filled next
      fetch(a, b, stage(s + kBf16Stages - 1), s + kBf16Stages - 1, steps);
      step(stage(s), row, column);
      if ((s + 1) * kBf16Step % kInnerChunk == 0 || s + 1 == steps) {
        HE_UNROLL
        for (int m = 0; m < kM; ++m)
          HE_UNROLL
          for (int n = 0; n < kN; ++n)
            HE_UNROLL
            for (int i = 0; i < 4; ++i) total[m][n][i] += part[m][n][i];
        clear(part);
      }
    }
    copy_wait<0>();
    HE_UNROLL
    for (int m = 0; m < kM; ++m)
      HE_UNROLL
      for (int n = 0; n < kN; ++n)
        HE_UNROLL
        for (int i = 0; i < 4; ++i) {
          const int r = first_row + row + m * 16 + static_cast<int>(lane()) / 4 + i / 2 * 8, c = first_column + column + n * 8 + static_cast<int>(lane()) % 4 * 2 + i % 2;
          if (r < p.result.rows && c < p.result.columns) p.result.store(r, c, total[m][n][i]);
        }
  }

 private:
  HE_GPU static void clear(float (&x)[kM][kN][4]) {
    HE_UNROLL
    for (int m = 0; m < kM; ++m)
      HE_UNROLL
      for (int n = 0; n < kN; ++n)
        HE_UNROLL
        for (int i = 0; i < 4; ++i) x[m][n][i] = 0.0f;
  }

  // A group of copies for every step, an empty one behind the end: so that waiting counts alike.
  HE_GPU static void fetch(const A& a, const B& b, Shared<bf16> stage, int s, int steps) {
    if (s < steps) {
      a.template load<kThreads>(stage, s * kBf16Step);
      b.template load<kThreads>(stage + A::kElements, s * kBf16Step);
    }
    copy_commit();
  }

  HE_GPU void step(Shared<bf16> stage, int row, int column) {
    HE_UNROLL
    for (int k = 0; k < kBf16Step; k += 16) {
      unsigned left[kM][4];
      HE_UNROLL
      for (int m = 0; m < kM; ++m) A::left(left[m], stage, row + m * 16, k);
      HE_UNROLL
      for (int n = 0; n < kN; n += 2) {
        unsigned right[4];
        B::right(right, stage + A::kElements, column + n * 8, k);
        HE_UNROLL
        for (int m = 0; m < kM; ++m) {
          multiply_bf16(part[m][n], left[m], right[0], right[1]);
          multiply_bf16(part[m][n + 1], left[m], right[2], right[3]);
        }
      }
    }
  }
};

template <bool A_IN_ROWS, bool B_IN_ROWS>
using Tile64 = TileBf16<64, 2, 2, A_IN_ROWS, B_IN_ROWS>;
template <bool A_IN_ROWS, bool B_IN_ROWS>
using Tile128 = TileBf16<128, 2, 4, A_IN_ROWS, B_IN_ROWS>;

}  // namespace he::cuda
