// dx = dy W: the forward product with W transposed on the fly, a group of 32-wide column blocks at a time.
//   shapes   dy [rows, outputs], W in panels of 32 outputs, dx [rows, inputs]
//   traffic  W is read once and its transpose written to scratch that fits the last-level cache; then as forward.cpp
//   work     2 rows inputs outputs operations, and one shuffle for every 16 elements of W
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/transpose.h"

HE_ISA_BEGIN

static constexpr int64_t kScratchFloats = 2 << 20;  // 8 MiB: inside the last-level cache of the machines that we know

void linear_backward_input(const Resources& r, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const float* w, int64_t inputs, float* dx,
                           int64_t dx_stride, bool accumulate) {
  if (rows <= 0 || inputs <= 0) return;
  // The transpose in the panel layout of a weight [inputs, outputs]: T[k / 32][o][k % 32].
  const int64_t block = outputs * kPanel;
  const int64_t blocks = (inputs + kPanel - 1) / kPanel;
  int64_t group = block > 0 ? kScratchFloats / block : blocks;
  group = group < 1 ? 1 : group > blocks ? blocks : group;
  r.scratch.reserve(0, static_cast<size_t>(group * block));
  float* transposed = r.scratch.shared();
  const int64_t panels = (outputs + kPanel - 1) / kPanel;
  for (int64_t first = 0; first < blocks; first += group) {
    const int64_t k0 = first * kPanel, last = first + group < blocks ? first + group : blocks;
    const int64_t columns = (last * kPanel < inputs ? last * kPanel : inputs) - k0;
    r.pool.parallel_for(panels, [=](int64_t p) {
      const int64_t o = p * kPanel, height = outputs - o < kPanel ? outputs - o : kPanel;
      for (int64_t k = 0; k < columns; k += kPanel) {
        const int64_t width = columns - k < kPanel ? columns - k : kPanel;
        transpose(w + o * inputs + (k0 + k) * kPanel, kPanel, width, height, transposed + k * outputs + o * kPanel, kPanel);
      }
    });
    if (columns % kPanel != 0) {
      // Columns that do not exist are computed and not stored; they must hold numbers.
      float* tail = transposed + columns / kPanel * block;
      for (int64_t o = 0; o < outputs; ++o)
        for (int64_t k = columns % kPanel; k < kPanel; ++k) tail[o * kPanel + k] = 0.0f;
    }
    linear_forward(r, dy, dy_stride, rows, outputs, transposed, columns, nullptr, dx + k0, dx_stride, accumulate);
  }
}

HE_ISA_END
