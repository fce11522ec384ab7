// The one inner loop of attention: C[r][16 g ..] (+)= sum over k ascending of A[r][k] B[k][16 g ..], one fused chain per element.
// Rows and column groups are given by pointers, so that keys of paged blocks, probabilities and transposed scores all fit; how they are
// blocked into registers does not change a bit, because every element has its own chain.
#pragma once
#include "cpu/simd/v16.h"

HE_ISA_BEGIN

#if defined(__AVX512F__)
static constexpr int kMaxRows = 4, kMaxGroups = 4;  // 16 accumulators of 32 registers
#else
static constexpr int kMaxRows = 2, kMaxGroups = 2;  // 8 half accumulators of 16 registers
#endif

struct Product {
  const float* const* a;  // row pointers; element k at a[r][k * a_step]
  int64_t a_step;
  const float* const* b;  // group pointers; element k at b[g][k * b_step .. + 16]
  int64_t b_step;
  int64_t n;        // length of the chain
  float* const* c;  // row pointers; group g at c[r][16 g .. + 16]
  bool from_zero;   // else the chain starts from C
};

template <int R, int G>
static void multiply_block(const Product& p, int64_t r0, int64_t g0) {
  const float* a[R];
  const float* b[G];
  V16 acc[R][G];
#pragma GCC unroll 4
  for (int g = 0; g < G; ++g) b[g] = p.b[g0 + g];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    a[r] = p.a[r0 + r];
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) acc[r][g] = p.from_zero ? zero() : load(p.c[r0 + r] + kLanes * (g0 + g));
  }
  const int64_t a_step = p.a_step, b_step = p.b_step;
  for (int64_t k = 0, ia = 0, ib = 0; k < p.n; ++k, ia += a_step, ib += b_step) {
    V16 column[G];
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) column[g] = load(b[g] + ib);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const V16 x = splat(a[r][ia]);
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) acc[r][g] = fma(x, column[g], acc[r][g]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) store(p.c[r0 + r] + kLanes * (g0 + g), acc[r][g]);
}

template <int R>
static void multiply_rows(const Product& p, int64_t r0, int64_t g0, int64_t groups) {
  switch (groups) {
    case 1:
      return multiply_block<R, 1>(p, r0, g0);
    case 2:
      return multiply_block<R, 2>(p, r0, g0);
#if defined(__AVX512F__)
    case 3:
      return multiply_block<R, 3>(p, r0, g0);
    case 4:
      return multiply_block<R, 4>(p, r0, g0);
#endif
  }
}

// Groups of the next block: as even as the registers allow (5 are 3 + 2), since a block of few chains waits for its own multiply-adds.
static inline int64_t next_groups(int64_t left) {
  const int64_t blocks = (left + kMaxGroups - 1) / kMaxGroups;
  return (left + blocks - 1) / blocks;
}

static inline void multiply(const Product& p, int64_t rows, int64_t groups) {
  for (int64_t r = 0; r < rows; r += kMaxRows) {
    for (int64_t g = 0, count = 0; g < groups; g += count) {
      count = next_groups(groups - g);
      switch (rows - r < kMaxRows ? rows - r : kMaxRows) {
        case 1:
          multiply_rows<1>(p, r, g, count);
          break;
        case 2:
          multiply_rows<2>(p, r, g, count);
          break;
#if defined(__AVX512F__)
        case 3:
          multiply_rows<3>(p, r, g, count);
          break;
        case 4:
          multiply_rows<4>(p, r, g, count);
          break;
#endif
      }
    }
  }
}

// C[r] += sum over k < n of A[r][k] B[k] for rows of whole vectors: B's row k at b + k b_step, C's row r at c[r].
static inline void multiply_add(const float* const* a, int64_t a_step, int64_t rows, const float* b, int64_t b_step, int64_t n,
                                float* const* c, int64_t vectors) {
  for (int64_t r = 0; r < rows; r += kMaxRows) {
    const int64_t row_count = rows - r < kMaxRows ? rows - r : kMaxRows;
    for (int64_t v = 0; v < vectors; v += kMaxGroups) {
      const float* groups[kMaxGroups];
      float* out[kMaxRows];
      const int64_t count = vectors - v < kMaxGroups ? vectors - v : kMaxGroups;
      for (int64_t i = 0; i < count; ++i) groups[i] = b + (v + i) * kLanes;
      for (int64_t i = 0; i < row_count; ++i) out[i] = c[r + i] + v * kLanes;
      multiply({a + r, a_step, groups, b_step, n, out, false}, row_count, count);
    }
  }
}

HE_ISA_END
