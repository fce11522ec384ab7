// Cutting element-wise and row-wise work into pieces for the threads. Pieces never change results: elements and rows do not depend on each
// other.
#pragma once
#include <algorithm>
#include <cstdint>

#include "core/context.h"

namespace he {

inline constexpr int64_t kPieceElements = 16384;  // 64 KiB of floats: large against the cost of handing a piece out, small against a cache

// f(row_begin, row_end) over [0, rows), in groups of rows of about kPieceElements.
template <class F>
void for_each_rows(he_context* ctx, int64_t rows, int64_t width, F f) {
  const int64_t group = std::max<int64_t>(1, kPieceElements / std::max<int64_t>(1, width));
  ctx->pool.parallel_for((rows + group - 1) / group, [&](int64_t i) { f(i * group, std::min(rows, (i + 1) * group)); });
}

// f(row, column, n): runs of n contiguous elements that cover a matrix; a dense matrix (every stride equals the width) is one long row.
template <class F>
void for_each_run(he_context* ctx, int64_t rows, int64_t width, bool dense, F f) {
  if (dense || rows == 1) {
    const int64_t n = rows * width;
    ctx->pool.parallel_for((n + kPieceElements - 1) / kPieceElements,
                           [&](int64_t i) { f(int64_t{0}, i * kPieceElements, std::min(kPieceElements, n - i * kPieceElements)); });
  } else {
    for_each_rows(ctx, rows, width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) f(row, int64_t{0}, width);
    });
  }
}

}  // namespace he
