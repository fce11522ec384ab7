// y = x W^T + bias with a compact W, rows and panels shared out over the threads.
//   traffic  few rows: W once from memory, in its own width. Many rows: each panel of W is widened once for each block of rows
//   work     2 rows inputs outputs operations; widening a value takes about two instructions of sixteen lanes
#include "cpu/compact/compact_isa.h"
#include "cpu/compact/product.h"

HE_ISA_BEGIN

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

void compact_product(const CompactWeight& w, int64_t column, const Tile& whole, int64_t rows, float* scratch) {
  const int64_t bytes = panel_bytes(w.type, w.inputs);
  const uint8_t* panel = w.data + column / kPanel * bytes;
  with_block(w.type, [&](auto block) {
    using Block = decltype(block);
    if (rows <= kFewRows) {
      CompactTile t{whole, panel, bytes, 0, nullptr};
      if constexpr (Block::kHasQuads) t.widen = widen_square<Block>;
      return product_few<Block>(t, rows);
    }
    Tile t = whole;
    t.b = scratch;
    t.b_step = kPanel;
    t.b_panel = 0;
    for (int64_t done = 0; done < whole.columns; done += kPanel, panel += bytes) {
      widen<Block>(panel, w.inputs, scratch);
      t.columns = whole.columns - done < kPanel ? whole.columns - done : kPanel;
      product(t, rows);
      t.c += kPanel;
      if (t.bias != nullptr) t.bias += kPanel;
    }
  });
}

static constexpr int64_t kTasksPerThread = 8;
static constexpr int64_t kGrain = 4;  // panels: as many as the widest tile takes

void compact_forward(const Resources& r, const float* x, int64_t x_stride, int64_t rows, const CompactWeight& w, const float* bias, float* y, int64_t y_stride,
                     bool accumulate) {
  if (rows <= 0 || w.outputs <= 0) return;
  r.scratch.reserve(rows <= kFewRows ? 0 : compact_scratch(w.inputs));
  // Blocks of rows that fill half of L2, equal in height, as the float32 product has them.
  const int64_t row_blocks = ceil_div(rows, most(kTileRows, r.cache.l2 / 2 / (most(w.inputs, 1) * static_cast<int64_t>(sizeof(float)))));
  const int64_t grains = ceil_div(w.outputs, kPanel * kGrain);
  const int64_t groups = least(grains, ceil_div(kTasksPerThread * r.pool.size(), row_blocks));
  r.pool.parallel_for(row_blocks * groups, [&](int64_t task, int worker) {
    const int64_t block = task / groups, group = task % groups;
    const int64_t row = block * rows / row_blocks, height = (block + 1) * rows / row_blocks - row;
    const int64_t column = group * grains / groups * kGrain * kPanel, end = least(w.outputs, (group + 1) * grains / groups * kGrain * kPanel);
    const Tile whole{x + row * x_stride,    x_stride, 1, nullptr, 0, 0, w.inputs, y + row * y_stride + column, y_stride, end - column,
                     bias != nullptr ? bias + column : nullptr, accumulate};
    compact_product(w, column, whole, height, r.scratch.of(worker));
  });
}

HE_ISA_END
