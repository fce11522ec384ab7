// The one product kernel: a tile of C = A B with the summation order of docs/numerics.md.
//   maths    c[i][j] (+)= sum_r a[i, r] * b[r, j] (+ bias[j]),  i < MR rows, j < 16 NV columns
//   order    r in chunks of 256, one fma chain per element in a chunk; chunk sums joined by a binary tree over the chunk index
//   operands a[i, r] = a[i * a_row + r * a_step], broadcast; b[r, .] = whole vectors, two to a panel of 32
// Forward, input gradient and weight gradient differ in the addresses only, so one element has the same bits whatever the tile, the rows or the threads.
// Registers: 24 accumulators, 2 vectors of b and a broadcast on AVX-512 (12 x 32); 12 + 2 + 1 on AVX2 (6 x 16).
#pragma once
#include "cpu/simd/v16.h"

HE_ISA_BEGIN

#if defined(HE_FREE_ORDER)
static constexpr int64_t kChunk = int64_t{1} << 40;  // one chain: he_bench measures what the order below costs (bench/free)
#else
static constexpr int64_t kChunk = 256;  // of docs/numerics.md: not a tuning knob
#endif
static constexpr int kLevels = 32;      // depth of the tree: sums of up to 2^39 terms

#if defined(__AVX512F__)
static constexpr int kTileRows = 12, kTileVectors = 2;
#elif defined(__AVX2__)
static constexpr int kTileRows = 6, kTileVectors = 1;
#else
static constexpr int kTileRows = 4, kTileVectors = 1;
#endif

struct Tile {
  const float* a;
  int64_t a_row, a_step;
  const float* b;
  int64_t b_step;   // from b[r] to b[r + 1]
  int64_t b_panel;  // from one panel of 32 columns to the next
  int64_t n;        // length of the sum
  float* c;
  int64_t c_row;
  int64_t columns;    // of c that exist, at most 16 NV; b has all of them
  const float* bias;  // [columns] or null
  bool accumulate;    // add to c
  // Asked for into L2 while this tile is computed, for each term of the sum: the line at ahead, ahead + ahead_step, ...; when that is 32, two lines. Null: nothing.
  // In the order of addresses, so that the processor's own prefetcher sees a stream and runs before it: requests by software alone are too few for memory.
  const float* ahead = nullptr;
  int64_t ahead_step = 0;  // floats: up to 16, or 32
};

// One chunk: acc = sum over n <= kChunk of a[., r] b[r, .], chains in ascending order from 0.
template <int MR, int NV>
static inline __attribute__((always_inline)) void tile_chunk(const float* a, const Tile& t, const float* b, int64_t n, const float* ahead, V16 (&acc)[MR][NV]) {
  const int64_t s = t.a_row, s3 = 3 * t.a_row, a_step = t.a_step, b_step = t.b_step, b_panel = t.b_panel;
  // Four rows share a pointer: [p], [p + s], [p + 2s], [p + 3s] are one addressing mode each.
  const float* p[3] = {a, a + 4 * s, a + 8 * s};
  const int64_t ahead_step = t.ahead_step;
#pragma GCC unroll 12
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) acc[i][v] = zero();
#pragma GCC unroll 1
  for (int64_t r = 0; r < n; ++r) {
    V16 bv[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) bv[v] = load(b + (v / 2) * b_panel + (v % 2) * 16);
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i) {
      const float* q = p[i / 4];
      const V16 av = splat(i % 4 == 0 ? q[0] : i % 4 == 1 ? q[s] : i % 4 == 2 ? q[2 * s] : q[s3]);
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[i][v] = fma(av, bv[v], acc[i][v]);
    }
    b += b_step;
    if constexpr (NV == 2) {  // AVX-512's; the wide tiles of few rows read several streams at once, and those run ahead by themselves
      __builtin_prefetch(ahead, 0, 2);
      if (ahead_step == 32) __builtin_prefetch(ahead + 16, 0, 2);
      ahead += ahead_step;
    }
#pragma GCC unroll 3
    for (int g = 0; g < (MR + 3) / 4; ++g) p[g] += a_step;
  }
}

template <int MR, int NV>
static inline __attribute__((always_inline)) void tile_finish(const Tile& t, V16 (&acc)[MR][NV]) {
  if (t.columns >= 16 * NV && t.bias == nullptr) {  // whole vectors, as almost everywhere
    const bool accumulate = t.accumulate;
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) {
        float* c = t.c + i * t.c_row + 16 * v;
        store(c, accumulate ? acc[i][v] + load(c) : acc[i][v]);
      }
    return;
  }
#pragma GCC unroll 8
  for (int v = 0; v < NV; ++v) {
    const int64_t left = t.columns - 16 * v;
    const int64_t width = left < 0 ? 0 : left > 16 ? 16 : left;
    const V16 bias = t.bias != nullptr ? load_n(t.bias + 16 * v, width) : zero();
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i) {
      float* c = t.c + i * t.c_row + 16 * v;
      V16 sum = acc[i][v];
      if (t.bias != nullptr) sum = sum + bias;
      if (t.accumulate) sum = sum + load_n(c, width);
      store_n(c, sum, width);
    }
  }
}

// Where a chunk of the sum comes from: b in float32, as it lies.
struct Floats {
  using Operands = Tile;
  template <int MR, int NV>
  static inline __attribute__((always_inline)) void chunk(const Tile& t, int64_t r, int64_t n, V16 (&acc)[MR][NV]) {
    tile_chunk<MR, NV>(t.a + r * t.a_step, t, t.b + r * t.b_step, n, t.ahead != nullptr ? t.ahead + r * t.ahead_step : t.b, acc);
  }
};

template <int MR, int NV, class B = Floats>
static __attribute__((noinline)) void tile(const typename B::Operands& t) {
  V16 acc[MR][NV];
  // C is wanted at the end; ask for it now. Into L2: rows of C a power of two apart would take the place of a and b in a few sets of L1.
  for (int i = 0; i < MR; ++i)
    for (int v = 0; v < NV; ++v) __builtin_prefetch(t.c + i * t.c_row + 16 * v, 0, 2);
  if (t.n <= kChunk) {
    B::template chunk<MR, NV>(t, 0, t.n, acc);
    tile_finish<MR, NV>(t, acc);
    return;
  }
  // A stack of partial sums, each of twice as many chunks as the one above it.
  alignas(64) float level[kLevels][MR * NV * 16];
  int depth = 0;
  int64_t chunk = 0;
  for (int64_t r = 0; r < t.n; r += kChunk, ++chunk) {
    B::template chunk<MR, NV>(t, r, t.n - r < kChunk ? t.n - r : kChunk, acc);
    // The last chunk also joins what the odd ends of the tree left over.
    const bool last = r + kChunk >= t.n;
    for (int64_t joined = chunk; depth > 0 && (last || (joined & 1) != 0); joined >>= 1) {
      --depth;
#pragma GCC unroll 12
      for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) acc[i][v] = load(level[depth] + (i * NV + v) * 16) + acc[i][v];
    }
    if (last) break;
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) store(level[depth] + (i * NV + v) * 16, acc[i][v]);
    ++depth;
  }
  tile_finish<MR, NV>(t, acc);
}

HE_ISA_END
