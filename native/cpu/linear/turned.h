// The input gradient of few rows, turned: dx^T = W^T dy^T. The weight is read as it lies, each value broadcast, and the rows of dy, packed like a weight, are the
// vectors; transposing W instead would cost a fifth of the time of 64 rows. What the float32 and the bf16 form of it share.
#pragma once
#include "cpu/linear/linear.h"
#include "cpu/linear/transpose.h"

HE_ISA_BEGIN

// Rows are padded to whole panels, of which a fifth at most may be wasted. Beyond 128 rows a transpose is paid for.
static inline bool worth_turning(int64_t rows) {
  const int64_t padded = (rows + kPanel - 1) / kPanel * kPanel;
  return rows <= 128 && 5 * (padded - rows) <= padded;
}

// c[row][i] (+)= sums[i][row]: `height` <= 16 elements of each of `rows` rows; sums has 16 lines of `stride` floats, those beyond `height` are read and not used.
static inline void store_turned(const float* sums, int64_t stride, int64_t height, int64_t rows, float* c, int64_t c_row, bool accumulate) {
#if defined(__AVX512F__)
  alignas(64) float turned[kLanes * kLanes];
  for (int64_t row = 0; row < rows; row += kLanes) {
    transpose16(sums + row, stride, turned, kLanes);
    const int64_t end = rows - row < kLanes ? rows - row : kLanes;
    for (int64_t j = 0; j < end; ++j) {
      float* to = c + (row + j) * c_row;
      const V16 sum = load(turned + j * kLanes);
      store_n(to, accumulate ? sum + load_n(to, height) : sum, height);
    }
  }
#else
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < height; ++i) {
      float* to = c + row * c_row + i;
      *to = accumulate ? sums[i * stride + row] + *to : sums[i * stride + row];
    }
#endif
}

HE_ISA_END
