// Gradients in bf16.
//   dx = dy W    the forward product with W transposed on the fly, a group of 32-wide column blocks at a time, into scratch that fits the last-level cache; few
//                rows by vdpbf16ps without a transpose (cpu/narrow/dot_turned.h)
//   dW += dy^T x the forward's tile with the rows of the batch as the inner dimension: C[k][o % 32] of a float32 panel is contiguous. Rows in blocks of
//                kRowBlock, each summed from 0 and added to dW in order (docs/numerics.md); x and dy of a block are rounded and packed once
//   traffic      dx: W read once, its transpose written and read; dW: x and dy read once, packed copies (half of them) written and read, dW read and written once
//                for each block of rows
//   work         2 rows inputs outputs operations each
#include "cpu/linear/linear.h"
#include "cpu/linear/product.h"
#include "cpu/narrow/bf16_isa.h"
#include "cpu/narrow/engine.h"
#if defined(HE_ENGINE_DOT)
#include "cpu/narrow/dot_turned.h"
#endif

HE_ISA_BEGIN

static constexpr int64_t kTransposedFloats = 2 << 20;  // 8 MiB of transposed weights at a time
static constexpr int64_t kTaskRows = 32;               // packed by one task
static constexpr int64_t kRowBlock = 1024;             // of docs/numerics.md: not a tuning knob

void bf16_pack_columns(const Resources& r, const float* x, int64_t x_stride, const NarrowRows& a) {
  // Row by row as they lie: down a column block, each row would be on a page of its own, once for every block.
  r.pool.parallel_for(ceil_div(a.inner, kTaskRows), [&](int64_t task) {
    const int64_t begin = task * kTaskRows, end = least(a.inner, begin + kTaskRows);
    for (int64_t block = 0; block < ceil_div(a.rows, Bf16Engine::kRows); ++block) Bf16Engine::pack_columns(x, x_stride, a, block, begin, end);
  });
}

void bf16_weight_product(const Resources& r, const NarrowRows& a, const uint16_t* slices, int64_t inputs, int64_t outputs, float* dw) {
  const int64_t panels = ceil_div(outputs, kNarrowPanel), blocks = ceil_div(a.rows, Bf16Engine::kRows), panel = narrow_padded(a.inner) * kNarrowPanel;
  // Ranges of blocks that fill half of L2: they stay there while panel after panel passes by.
  const int64_t bytes = static_cast<int64_t>(Bf16Engine::rows_floats(a.rows, a.inner) * sizeof(float));
  const int64_t ranges = least(blocks, ceil_div(bytes, r.cache.l2 / 2));
  r.pool.parallel_for(ranges * panels, [&](int64_t task) {
    const int64_t range = task / panels, o = task % panels * kNarrowPanel;
    const int64_t first = block_begin(blocks, ranges, range), end = block_begin(blocks, ranges, range + 1);
    float* c = dw + o * inputs + Bf16Engine::row_of(a.rows, first) * kNarrowPanel;
    Bf16Engine::product(a, first, end, 0, a.inner, {slices + o / kNarrowPanel * panel, panel, c, kNarrowPanel, least(kNarrowPanel, outputs - o), nullptr, true}, false, false);
  });
}

void bf16_backward_input(const Resources& r, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const uint16_t* w, int64_t inputs, float* dx,
                         int64_t dx_stride, bool accumulate) {
  if (rows <= 0 || inputs <= 0) return;
#if defined(HE_ENGINE_DOT)
  if (turned_input_gradient(r, {dy, dy_stride, rows, outputs, w, inputs, dx, dx_stride, accumulate, nullptr})) return;
#endif
  const int64_t block = narrow_padded(outputs) * kNarrowPanel;  // elements of one panel of the transpose
  const int64_t group = least(narrow_padded(inputs), block > 0 ? most(1, 2 * kTransposedFloats / block) * kNarrowPanel : inputs);
  const int64_t transposed_floats = narrow_padded(group) / kNarrowPanel * block / 2;
  r.scratch.reserve(0, static_cast<size_t>(transposed_floats) + Bf16Engine::rows_floats(rows, outputs));
  uint16_t* transposed = reinterpret_cast<uint16_t*>(r.scratch.shared());
  const NarrowRows a{r.scratch.shared() + transposed_floats, rows, outputs, false};
  bf16_pack_rows_shared(r, dy, dy_stride, a);
  for (int64_t k0 = 0; k0 < inputs; k0 += group) {
    const int64_t columns = least(group, inputs - k0);
    bf16_transpose(r, w, outputs, inputs, k0, columns, transposed);
    bf16_product_shared(r, a, {transposed, block, dx + k0, dx_stride, columns, nullptr, accumulate});
  }
}

// dbias += column sums of dy, by the float32 rule over the rows of the call.
static void backward_bias(const Resources& r, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, float* dbias) {
  static const float one = 1.0f;
  r.scratch.reserve(static_cast<size_t>(rows * kPanel));
  r.pool.parallel_for(ceil_div(outputs, kPanel), [&](int64_t panel, int worker) {
    const int64_t o = panel * kPanel, width = least(kPanel, outputs - o);
    Tile t{&one, 0, 0, dy + o, dy_stride, 0, rows, dbias + o, 0, width, nullptr, true};
    if (width < kPanel) {  // tiles read whole vectors
      float* slice = r.scratch.of(worker);
      for (int64_t row = 0; row < rows; ++row) {
        memset(slice + row * kPanel, 0, kPanel * sizeof(float));
        memcpy(slice + row * kPanel, dy + row * dy_stride + o, static_cast<size_t>(width) * sizeof(float));
      }
      t.b = slice;
      t.b_step = kPanel;
    }
    product(t, 1);
  });
}

void bf16_backward_weight(const Resources& r, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs, int64_t outputs, float* dw,
                          float* dbias) {
  if (rows <= 0 || outputs <= 0) return;
  if (dbias != nullptr) backward_bias(r, dy, dy_stride, rows, outputs, dbias);
  if (inputs <= 0) return;
  const int64_t most_rows = least(rows, kRowBlock), slices_floats = narrow_padded(outputs) * narrow_padded(most_rows) / 2;
  r.scratch.reserve(0, static_cast<size_t>(slices_floats) + Bf16Engine::rows_floats(inputs, most_rows));
  uint16_t* slices = reinterpret_cast<uint16_t*>(r.scratch.shared());
  for (int64_t row = 0; row < rows; row += kRowBlock) {
    const NarrowRows a{r.scratch.shared() + slices_floats, inputs, least(kRowBlock, rows - row), true};
    bf16_pack_slices(r, dy + row * dy_stride, dy_stride, a.inner, outputs, slices);
    bf16_pack_columns(r, x + row * x_stride, x_stride, a);
    bf16_weight_product(r, a, slices, inputs, outputs, dw);
  }
}

HE_ISA_END
