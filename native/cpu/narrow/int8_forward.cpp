// y = x W^T + bias with a compact W and activations of 8 bits: rows quantized once a call, then blocks of rows times panels, shared out over the threads.
//   traffic  few rows: W once from memory, in its own width. Many rows: each panel of W is expanded once for each range of rows that fills half of L2
//   work     2 rows inputs outputs operations
#include "cpu/narrow/int8_isa.h"
#include "cpu/narrow/int8_rows.h"

HE_ISA_BEGIN

static constexpr int64_t kWorthSharing = 1 << 19;  // multiply-adds: about two microseconds
static constexpr int64_t kTasksPerThread = 8;
static constexpr int64_t kScratchFloats = 4 << 20;  // 16 MiB of quantized rows at a time

static void rows_forward(const Resources& r, const CompactWeight& w, const Int8Rows& a, const Int8Product& whole) {
  const int64_t blocks = int8_blocks(a.rows);
  if (r.pool.size() == 1 || a.rows * a.inputs * w.outputs < kWorthSharing) return int8_blocks_product(w, a, 0, blocks, whole, r.scratch.of(0));
  const int64_t row_bytes = static_cast<int64_t>(int8_rows_floats(1, a.inputs) * sizeof(float));
  const int64_t ranges = least(blocks, ceil_div(a.rows * row_bytes, r.cache.l2 / 2));
  const int64_t panels = ceil_div(w.outputs, kCompactOutputs), groups = least(panels, ceil_div(kTasksPerThread * r.pool.size(), ranges));
  r.pool.parallel_for(ranges * groups, [&](int64_t task, int worker) {
    const int64_t range = task / groups, group = task % groups;
    const int64_t first = block_begin(blocks, ranges, range), end = block_begin(blocks, ranges, range + 1);
    const int64_t column = block_begin(panels, groups, group) * kCompactOutputs;
    Int8Product part = whole;
    part.column = column;
    part.columns = least(w.outputs, block_begin(panels, groups, group + 1) * kCompactOutputs) - column;
    part.c += int8_row_of(a.rows, first) * whole.c_row + column;
    if (part.bias != nullptr) part.bias += column;
    int8_blocks_product(w, a, first, end, part, r.scratch.of(worker));
  });
}

void int8_forward(const Resources& r, const float* x, int64_t x_stride, int64_t rows, const CompactWeight& w, const float* bias, float* y, int64_t y_stride,
                  bool accumulate) {
  if (rows <= 0 || w.outputs <= 0) return;
  const int64_t row_floats = most(1, static_cast<int64_t>(int8_rows_floats(1, w.inputs)));
  const int64_t height = least(rows, most(1, kScratchFloats / row_floats));
  r.scratch.reserve(int8_scratch_floats(w.inputs), int8_rows_floats(height, w.inputs));
  for (int64_t row = 0; row < rows; row += height) {
    const Int8Rows a{r.scratch.shared(), least(height, rows - row), w.inputs};
    int8_quantize_shared(r, x + row * x_stride, x_stride, w.type, a);
    rows_forward(r, w, a, {0, w.outputs, y + row * y_stride, y_stride, bias, accumulate});
  }
}

HE_ISA_END
