// y = x W^T + bias, rows and panels shared out over the threads.
//   shapes   x [rows, inputs], W in panels of 32 outputs, y [rows, outputs]
//   traffic  one row: W once from memory. Many rows: a block of x stays in L2 while the panels of W pass by, each read once a block
//   work     2 rows inputs outputs operations
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/product.h"

HE_ISA_BEGIN

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// Below this many multiply-adds (about two microseconds) waking other threads costs more than it brings.
static constexpr int64_t kWorthSharing = 1 << 17;
static constexpr int64_t kTasksPerThread = 32;

void linear_forward(const Resources& r, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const float* w, int64_t outputs, const float* bias, float* y,
                    int64_t y_stride, bool accumulate) {
  if (rows <= 0 || outputs <= 0) return;
  const Tile whole{x, x_stride, 1, w, kPanel, inputs * kPanel, inputs, y, y_stride, outputs, bias, accumulate};
  if (r.pool.size() == 1 && rows <= kTileRows) return product(whole, rows);
  if (rows * inputs * outputs < kWorthSharing) return product(whole, rows);

  // Blocks of rows that fill half of L2, equal in height; groups of panels so that there are enough tasks to balance. A group is a multiple of four panels
  // when rows are few: so many pass through the registers at once.
  const int64_t row_blocks = ceil_div(rows, most(kTileRows, r.cache.l2 / 2 / (most(inputs, 1) * static_cast<int64_t>(sizeof(float)))));
  const int64_t grain = rows <= 2 ? 4 : rows <= 6 ? 2 : 1;
  const int64_t grains = ceil_div(ceil_div(outputs, kPanel), grain);
  const int64_t groups = least(grains, ceil_div(kTasksPerThread * r.pool.size(), row_blocks));
  r.pool.parallel_for(row_blocks * groups, [&](int64_t task) {
    const int64_t block = task / groups, group = task % groups;
    const int64_t row = block * rows / row_blocks, height = (block + 1) * rows / row_blocks - row;
    const int64_t column = group * grains / groups * grain * kPanel, end = least(outputs, (group + 1) * grains / groups * grain * kPanel);
    Tile t = tile_at(whole, row, column);
    t.columns = end - column;
    product(t, height);
  });
}

HE_ISA_END
