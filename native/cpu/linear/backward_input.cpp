// dx = dy W: the forward product with W transposed on the fly, a group of 32-wide column blocks at a time.
//   shapes   dy [rows, outputs], W in panels of 32 outputs, dx [rows, inputs]
//   traffic  W is read once and its transpose written to scratch that fits the last-level cache; then as forward.cpp
//   work     2 rows inputs outputs operations, and one shuffle for every 16 elements of W
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/transpose.h"

HE_ISA_BEGIN

static constexpr int64_t kScratchFloats = 2 << 20;  // 8 MiB: inside the last-level cache of the machines that we know

void linear_transpose(const Resources& r, const float* w, int64_t outputs, int64_t inputs, int64_t k0, int64_t columns, float* transposed) {
  const int64_t block = outputs * kPanel;
  r.pool.parallel_for((outputs + kPanel - 1) / kPanel, [=](int64_t p) {
    const int64_t o = p * kPanel, height = outputs - o < kPanel ? outputs - o : kPanel;
    for (int64_t k = 0; k < columns; k += kPanel) {
      float* to = transposed + k / kPanel * block + o * kPanel;
      const int64_t width = columns - k < kPanel ? columns - k : kPanel;
      // Columns that do not exist are computed with and not stored: they must hold numbers.
      if (width < kPanel) memset(to, 0, static_cast<size_t>(height * kPanel) * sizeof(float));
      transpose(w + o * inputs + (k0 + k) * kPanel, kPanel, width, height, to, kPanel);
    }
  });
}

void linear_backward_input(const Resources& r, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const float* w, int64_t inputs, float* dx,
                           int64_t dx_stride, bool accumulate) {
  if (rows <= 0 || inputs <= 0) return;
  const int64_t block = outputs * kPanel;
  int64_t group = block > 0 ? kScratchFloats / block * kPanel : inputs;  // columns transposed at a time
  if (group < kPanel) group = kPanel;
  r.scratch.reserve(0, static_cast<size_t>(((inputs < group ? inputs : group) + kPanel - 1) / kPanel * block));
  float* transposed = r.scratch.shared();
  for (int64_t k0 = 0; k0 < inputs; k0 += group) {
    const int64_t columns = inputs - k0 < group ? inputs - k0 : group;
    linear_transpose(r, w, outputs, inputs, k0, columns, transposed);
    linear_forward(r, dy, dy_stride, rows, outputs, transposed, columns, nullptr, dx + k0, dx_stride, accumulate);
  }
}

HE_ISA_END
