// One tile of a float32 product: 256 threads as 16 x 16, a thread has S x S results (groups of four, 64 apart), operands in two stages of sixteen inner elements in shared memory,
// [inner][outer]: a thread reads four neighbours at once, and a warp no bank twice.
#pragma once
#include "cuda/linear/linear.h"

namespace he::cuda {

/// An operand with its inner elements side by side: [outer, inner].
struct InRows {
  static constexpr bool kInRows = true;
  Global<const float> from;
  long long stride;
  int outer, inner;
  bool vectors;

  HE_GPU InRows(Global<const float> p, long long stride_, int outer_, int inner_)
      : from(p), stride(stride_), outer(outer_), inner(inner_), vectors(inner_ % 4 == 0 && in_vectors(p, stride_, 4)) {}
  HE_GPU Four four(int o, int k) const {
    if (o >= outer || k >= inner) return {{0.0f, 0.0f, 0.0f, 0.0f}};
    return get_four(from + o * stride, k, inner, vectors);
  }
};

/// With its results side by side: [inner, outer].
struct InColumns {
  static constexpr bool kInRows = false;
  Global<const float> from;
  long long stride;
  int outer, inner;
  bool vectors;

  HE_GPU InColumns(Global<const float> p, long long stride_, int outer_, int inner_)
      : from(p), stride(stride_), outer(outer_), inner(inner_), vectors(outer_ % 4 == 0 && in_vectors(p, stride_, 4)) {}
  HE_GPU Four four(int o, int k) const {
    if (o >= outer || k >= inner) return {{0.0f, 0.0f, 0.0f, 0.0f}};
    return get_four(from + k * stride, o, outer, vectors);
  }
};

/// A weight of some format. Rows are padded with zeros to four elements at least.
template <class Format>
struct InFormat {
  static constexpr bool kInRows = true;
  Weights w;
  int outer, inner;

  HE_GPU Four four(int o, int k) const {
    if (o >= outer || k >= inner) return {{0.0f, 0.0f, 0.0f, 0.0f}};
    return weight_values<Format>(w, o, k);
  }
};

/// S = 4: 64 x 64 results; S = 8: 128 x 128.
template <int S, class A, class B>
struct TileF32 {
  static constexpr int kTile = 16 * S, kStride = kTile + 4, kLoads = kTile * kF32Step / 4 / kF32Threads;

  float part[S][S], total[S][S];
  Four next_a[kLoads], next_b[kLoads];

  HE_GPU void run(const A& a, const B& b, const Result& result, int inner, int first_row, int first_column) {
    const int row = static_cast<int>(thread()) / 16 * 4, column = static_cast<int>(thread()) % 16 * 4, steps = (inner + kF32Step - 1) / kF32Step;
    const auto stage = [](int i) { return shared_array<float>(i % 2 * 2 * kF32Step * kStride * 4, 2 * kF32Step * kStride); };
    clear(total);
    clear(part);
    if (steps > 0) {
      fetch(next_a, a, first_row, 0);
      fetch(next_b, b, first_column, 0);
    }
    for (int s = 0; s < steps; ++s) {
      keep(stage(s), next_a, a);
      keep(stage(s) + kF32Step * kStride, next_b, b);
      sync_block();  // the stage is whole, and nobody reads the one that is filled next
      if (s + 1 < steps) {
        fetch(next_a, a, first_row, (s + 1) * kF32Step);
        fetch(next_b, b, first_column, (s + 1) * kF32Step);
      }
      step(stage(s), row, column);
      if ((s + 1) * kF32Step % kInnerChunk == 0 || s + 1 == steps) {
        HE_UNROLL
        for (int i = 0; i < S; ++i)
          HE_UNROLL
          for (int j = 0; j < S; ++j) total[i][j] += part[i][j];
        clear(part);
      }
    }
    HE_UNROLL
    for (int i = 0; i < S; ++i)
      HE_UNROLL
      for (int j = 0; j < S; ++j) {
        const int r = first_row + i / 4 * 64 + row + i % 4, c = first_column + j / 4 * 64 + column + j % 4;
        if (r < result.rows && c < result.columns) result.store(r, c, total[i][j]);
      }
  }

 private:
  HE_GPU static void clear(float (&x)[S][S]) {
    HE_UNROLL
    for (int i = 0; i < S; ++i)
      HE_UNROLL
      for (int j = 0; j < S; ++j) x[i][j] = 0.0f;
  }

  // This thread's share of sixteen inner elements from k on: groups of four along the operand's rows.
  template <class Operand>
  HE_GPU static void fetch(Four (&to)[kLoads], const Operand& x, int first, int k) {
    HE_UNROLL
    for (int j = 0; j < kLoads; ++j) {
      const int i = static_cast<int>(thread()) + j * kF32Threads;
      to[j] = Operand::kInRows ? x.four(first + i / (kF32Step / 4), k + i % (kF32Step / 4) * 4) : x.four(first + i % (kTile / 4) * 4, k + i / (kTile / 4));
    }
  }
  template <class Operand>
  HE_GPU static void keep(Shared<float> stage, const Four (&x)[kLoads], const Operand&) {
    HE_UNROLL
    for (int j = 0; j < kLoads; ++j) {
      const int i = static_cast<int>(thread()) + j * kF32Threads;
      if (Operand::kInRows) {
        HE_UNROLL
        for (int e = 0; e < 4; ++e) stage.set((i % (kF32Step / 4) * 4 + e) * kStride + i / (kF32Step / 4), x[j].v[e]);
      } else {
        stage.template set_as<Words>(i / (kTile / 4) * kStride + i % (kTile / 4) * 4,
                                     {{float_to_bits(x[j].v[0]), float_to_bits(x[j].v[1]), float_to_bits(x[j].v[2]), float_to_bits(x[j].v[3])}});
      }
    }
  }

  HE_GPU void step(Shared<float> stage, int row, int column) {
    HE_UNROLL
    for (int k = 0; k < kF32Step; ++k) {
      float a[S], b[S];
      HE_UNROLL
      for (int g = 0; g < S / 4; ++g) {
        const Words left = stage.template get_as<Words>(k * kStride + g * 64 + row), right = stage.template get_as<Words>((kF32Step + k) * kStride + g * 64 + column);
        HE_UNROLL
        for (int j = 0; j < 4; ++j) a[4 * g + j] = bits_to_float(left.w[j]), b[4 * g + j] = bits_to_float(right.w[j]);
      }
      HE_UNROLL
      for (int i = 0; i < S; ++i)
        HE_UNROLL
        for (int j = 0; j < S; ++j) part[i][j] = fma(a[i], b[j], part[i][j]);
    }
  }
};

}  // namespace he::cuda
