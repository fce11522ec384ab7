// y = x W^T + bias in bf16: rows rounded and packed once a call, then blocks of rows times panels, shared out over the threads.
//   traffic  x once, its packed copy (half of x) written and read; W once for each block of rows that fills half of L2; y once
//   work     2 rows inputs outputs operations; packing takes about one instruction a value of x
#include "cpu/narrow/bf16_isa.h"
#include "cpu/narrow/engine.h"

HE_ISA_BEGIN

// Below this many multiply-adds (about two microseconds) waking other threads costs more than it brings.
static constexpr int64_t kWorthSharing = 1 << 18;
static constexpr int64_t kWorthPacking = 1 << 15;  // values of x: the same for its rounding
static constexpr int64_t kTasksPerThread = 32;
static constexpr int64_t kInnerBlock = 2048;            // inputs of a panel (128 KiB) that stay in L2 beside the rows
static constexpr int64_t kScratchFloats = 4 << 20;      // 16 MiB of packed rows at a time

size_t bf16_rows_floats(int64_t rows, int64_t inner) { return Bf16Engine::rows_floats(rows, inner); }

void bf16_pack_rows(const float* x, int64_t x_stride, const NarrowRows& a) {
  for (int64_t i = 0; i < ceil_div(a.rows, Bf16Engine::kRows); ++i) Bf16Engine::pack_rows(x, x_stride, a, i);
}

void bf16_pack_rows_shared(const Resources& r, const float* x, int64_t x_stride, const NarrowRows& a) {
  if (a.rows * a.inner < kWorthPacking) return bf16_pack_rows(x, x_stride, a);
  r.pool.parallel_for(ceil_div(a.rows, Bf16Engine::kRows), [&](int64_t i) { Bf16Engine::pack_rows(x, x_stride, a, i); });
}

// Blocks [first, end) of rows times all columns. Long sums are cut where the engine can go on from C, so that a panel's piece stays in L2 for all blocks.
static void blocks_product(const NarrowRows& a, int64_t first, int64_t end, const NarrowProduct& p) {
  if (!Bf16Engine::kCarries || p.accumulate || end - first < 2 || a.inner <= 2 * kInnerBlock) return Bf16Engine::product(a, first, end, 0, a.inner, p, false, false);
  for (int64_t column = 0; column < p.columns; column += kNarrowPanel) {
    NarrowProduct one = p;
    one.b += column / kNarrowPanel * p.panel;
    one.c += column;
    one.columns = least(kNarrowPanel, p.columns - column);
    if (p.bias != nullptr) one.bias += column;
    for (int64_t k = 0; k < a.inner; k += kInnerBlock) {
      const int64_t to = least(a.inner, k + kInnerBlock);
      Bf16Engine::product(a, first, end, k, to, one, k > 0, to < a.inner);
    }
  }
}

void bf16_product(const NarrowRows& a, const NarrowProduct& p) {
  if (a.rows > 0 && p.columns > 0) blocks_product(a, 0, ceil_div(a.rows, Bf16Engine::kRows), p);
}

void bf16_product_shared(const Resources& r, const NarrowRows& a, const NarrowProduct& p) {
  if (a.rows <= 0 || p.columns <= 0) return;
  const int64_t blocks = ceil_div(a.rows, Bf16Engine::kRows);
  if (r.pool.size() == 1 || a.rows * a.inner * p.columns < kWorthSharing) return blocks_product(a, 0, blocks, p);
  // Ranges of blocks that fill half of L2; groups of panels so that there are enough tasks to balance, in fours when rows are few (as many pass through the
  // registers at once).
  const int64_t row_bytes = static_cast<int64_t>(Bf16Engine::rows_floats(a.rows, a.inner) * sizeof(float)) / a.rows;
  const int64_t ranges = least(blocks, ceil_div(a.rows * row_bytes, r.cache.l2 / 2));
  const int64_t grain = a.rows <= 2 ? 4 : a.rows <= 6 ? 2 : 1;
  const int64_t grains = ceil_div(p.columns, kNarrowPanel * grain);
  const int64_t groups = least(grains, ceil_div(kTasksPerThread * r.pool.size(), ranges));
  r.pool.parallel_for(ranges * groups, [&](int64_t task) {
    const int64_t range = task / groups, group = task % groups;
    const int64_t first = block_begin(blocks, ranges, range), end = block_begin(blocks, ranges, range + 1);
    const int64_t panel = block_begin(grains, groups, group) * grain, column = panel * kNarrowPanel;
    const int64_t row = Bf16Engine::row_of(a.rows, first);
    NarrowProduct part = p;
    part.b += panel * p.panel;
    part.c += row * p.c_row + column;
    part.columns = least(p.columns, block_begin(grains, groups, group + 1) * grain * kNarrowPanel) - column;
    if (p.bias != nullptr) part.bias += column;
    blocks_product(a, first, end, part);
  });
}

void bf16_forward(const Resources& r, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const uint16_t* w, int64_t outputs, const float* bias, float* y,
                  int64_t y_stride, bool accumulate) {
  if (rows <= 0 || outputs <= 0) return;
  // As many rows at a time as the scratch holds, in whole blocks.
  int64_t height = kScratchFloats / most(inputs, 1) / Bf16Engine::kRows * Bf16Engine::kRows;
  height = least(rows, most(height, Bf16Engine::kRows));
  r.scratch.reserve(0, Bf16Engine::rows_floats(height, inputs));
  for (int64_t row = 0; row < rows; row += height) {
    const NarrowRows a{r.scratch.shared(), least(height, rows - row), inputs, false};
    bf16_pack_rows_shared(r, x + row * x_stride, x_stride, a);
    bf16_product_shared(r, a, {w, narrow_padded(inputs) * kNarrowPanel, y + row * y_stride, y_stride, outputs, bias, accumulate});
  }
}

HE_ISA_END
