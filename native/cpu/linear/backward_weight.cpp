// dW += dy^T x in the packed layout, and dbias += column sums of dy: the forward's tile with the rows of the batch as the inner dimension.
//   shapes   x [rows, inputs], dy [rows, outputs], dW in panels of 32 outputs: C[k][o % 32] of a panel is contiguous
//   traffic  a slice of dy (32 columns) is copied to scratch; a range of x's columns stays in L2 while the panels pass by
//   work     2 rows inputs outputs operations
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/product.h"

HE_ISA_BEGIN

void linear_backward_weight(const Resources& r, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs, int64_t outputs,
                            float* dw, float* dbias) {
  if (rows <= 0 || outputs <= 0 || (dw == nullptr && dbias == nullptr)) return;
  const int64_t panels = (outputs + kPanel - 1) / kPanel;
  // Column ranges of x that fill half of L2, at least two tiles high.
  int64_t range = r.cache.l2 / 2 / (rows * static_cast<int64_t>(sizeof(float))) / kTileRows * kTileRows;
  if (range < 2 * kTileRows) range = 2 * kTileRows;
  const int64_t ranges = dw != nullptr && inputs > range ? (inputs + range - 1) / range : 1;
  r.scratch.reserve(static_cast<size_t>(rows * kPanel));
  r.pool.parallel_for(ranges * panels, [&](int64_t task, int worker) {
    const int64_t part = task / panels, p = task % panels, o = p * kPanel;
    const int64_t width = outputs - o < kPanel ? outputs - o : kPanel;
    float* slice = r.scratch.of(worker);  // [rows][32], zeros where there is no output
    for (int64_t i = 0; i < rows; ++i) {
      const float* from = dy + i * dy_stride + o;
      store(slice + i * kPanel, load_n(from, width < 16 ? width : 16));
      store(slice + i * kPanel + 16, width > 16 ? load_n(from + 16, width - 16) : zero());
    }
    const int64_t k = part * inputs / ranges, height = (part + 1) * inputs / ranges - k;
    if (dw != nullptr && height > 0) product(Tile{x + k, 1, x_stride, slice, kPanel, 0, rows, dw + o * inputs + k * kPanel, kPanel, width, nullptr, true}, height);
    if (dbias != nullptr && part == 0) {
      static const float one = 1.0f;
      const Tile sums{&one, 0, 0, slice, kPanel, 0, rows, dbias + o, 0, width, nullptr, true};
      product(sums, 1);
    }
  });
}

HE_ISA_END
