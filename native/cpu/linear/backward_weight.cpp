// dW += dy^T x in the packed layout, and dbias += column sums of dy: the forward's tile with the rows of the batch as the inner dimension.
//   shapes   x [rows, inputs], dy [rows, outputs], dW in panels of 32 outputs: C[k][o % 32] of a panel is contiguous
//   traffic  x and dy are first copied to scratch in the order in which tiles read them, row by row as they lie: read in place, each row of a column block
//            would be on a page of its own, once for every block
//   work     2 rows inputs outputs operations
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/product.h"

HE_ISA_BEGIN

static constexpr int64_t kScratchFloats = 2 << 20;  // of x and of dy at a time: 8 MiB each, inside the last-level cache of the machines that we know
static constexpr int64_t kTaskRows = 32;            // copied by one task
static constexpr int64_t kAhead = 64;               // floats of a row asked for before they are copied: what is read are short pieces of many rows, no stream that
                                                    // the processor's own prefetcher would see

int64_t linear_columns_length(int64_t rows, int64_t columns) { return (columns + kTileRows - 1) / kTileRows * kTileRows * rows; }

void linear_pack_columns(const Resources& r, const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* packed) {
  r.pool.parallel_for((rows + kTaskRows - 1) / kTaskRows, [=](int64_t task) {
    const int64_t end = (task + 1) * kTaskRows < rows ? (task + 1) * kTaskRows : rows;
    for (int64_t k = 0; k < columns; k += kTileRows) {
      const int64_t height = columns - k < kTileRows ? columns - k : kTileRows;
      float* to = packed + k * rows;
      for (int64_t i = task * kTaskRows; i < end; ++i) {
        const float* from = x + i * x_stride + k;
        __builtin_prefetch(from + kAhead);
        store_n(to + i * kTileRows, load_n(from, height), height);
      }
    }
  });
}

int64_t linear_slices_length(int64_t rows, int64_t outputs) { return (outputs + kPanel - 1) / kPanel * kPanel * rows; }

void linear_pack_slices(const Resources& r, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, float* slices) {
  r.pool.parallel_for((rows + kTaskRows - 1) / kTaskRows, [=](int64_t task) {
    const int64_t end = (task + 1) * kTaskRows < rows ? (task + 1) * kTaskRows : rows;
    for (int64_t o = 0; o < outputs; o += kPanel) {
      const int64_t width = outputs - o < kPanel ? outputs - o : kPanel;
      for (int64_t i = task * kTaskRows; i < end; ++i) {
        const float* from = dy + i * dy_stride + o;
        __builtin_prefetch(from + kAhead);
        __builtin_prefetch(from + kAhead + 16);
        float* to = slices + o * rows + i * kPanel;
        store(to, load_n(from, width < 16 ? width : 16));
        store(to + 16, width > 16 ? load_n(from + 16, width - 16) : zero());
      }
    }
  });
}

void linear_backward_weight_packed(const Resources& r, const float* packed, int64_t columns, const float* slices, int64_t rows, int64_t inputs, int64_t outputs,
                                   float* dw) {
  const int64_t panels = (outputs + kPanel - 1) / kPanel, blocks = (columns + kTileRows - 1) / kTileRows;
  // Ranges of blocks that fill half of L2, at least two blocks each: they stay there while panel after panel passes by.
  int64_t range = r.cache.l2 / 2 / (rows * kTileRows * static_cast<int64_t>(sizeof(float)));
  if (range < 2) range = 2;
  const int64_t ranges = (blocks + range - 1) / range;
  r.pool.parallel_for(ranges * panels, [&](int64_t task) {
    const int64_t part = task / panels, o = task % panels * kPanel, width = outputs - o < kPanel ? outputs - o : kPanel;
    for (int64_t column = 0; column < width; column += 16 * kTileVectors)
      for (int64_t block = part * blocks / ranges; block < (part + 1) * blocks / ranges; ++block) {
        const int64_t k = block * kTileRows, height = columns - k < kTileRows ? columns - k : kTileRows;
        Tile t{packed + k * rows, 1, kTileRows, slices + o * rows + column, kPanel, 0, rows, dw + o * inputs + k * kPanel + column, kPanel, width - column, nullptr, true};
        // The first two blocks of a panel ask for one half each of the next panel, the others for the block after them.
        const int64_t nth = block - part * blocks / ranges;
        t.ahead = nth < 2 ? slices + (o + kPanel) * rows + nth * 16 * rows : packed + (k + kTileRows) * rows;
        t.ahead_step = 16;
        kTiles[height - 1](t);
      }
  });
}

void linear_backward_bias_packed(const Resources& r, const float* slices, int64_t rows, int64_t outputs, float* dbias) {
  r.pool.parallel_for((outputs + kPanel - 1) / kPanel, [&](int64_t p) {
    static const float one = 1.0f;
    const int64_t o = p * kPanel;
    product(Tile{&one, 0, 0, slices + o * rows, kPanel, 0, rows, dbias + o, 0, outputs - o < kPanel ? outputs - o : kPanel, nullptr, true}, 1);
  });
}

// The most columns, a multiple of `grain`, of which `rows` rows fit the scratch.
static int64_t group_of(int64_t rows, int64_t grain) {
  const int64_t group = kScratchFloats / rows / grain * grain;
  return group > grain ? group : grain;
}

void linear_backward_weight(const Resources& r, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs, int64_t outputs,
                            float* dw, float* dbias) {
  if (rows <= 0 || outputs <= 0) return;
  const int64_t o_group = group_of(rows, kPanel), k_group = group_of(rows, kTileRows);
  const int64_t slices_length = linear_slices_length(rows, outputs < o_group ? outputs : o_group);
  r.scratch.reserve(0, static_cast<size_t>(slices_length + linear_columns_length(rows, inputs < k_group ? inputs : k_group)));
  float* slices = r.scratch.shared();
  float* packed = slices + slices_length;
  for (int64_t o = 0; o < outputs; o += o_group) {
    const int64_t width = outputs - o < o_group ? outputs - o : o_group;
    linear_pack_slices(r, dy + o, dy_stride, rows, width, slices);
    if (dbias != nullptr) linear_backward_bias_packed(r, slices, rows, width, dbias + o);
    for (int64_t k = 0; k < inputs; k += k_group) {
      const int64_t columns = inputs - k < k_group ? inputs - k : k_group;
      if (o == 0 || inputs > k_group) linear_pack_columns(r, x + k, x_stride, rows, columns, packed);
      linear_backward_weight_packed(r, packed, columns, slices, rows, inputs, width, dw + o * inputs + k * kPanel);
    }
  }
}

HE_ISA_END
