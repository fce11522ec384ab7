// destination = w + scale * (b a) in the packed layout, out of place or in place: scale times the sum, rounded, then added to w.
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/product.h"
#include "cpu/linear/transpose.h"

HE_ISA_BEGIN

void linear_merge_lora(const Resources& r, const float* w, int64_t outputs, int64_t inputs, const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                       int64_t rank, float scale, float* destination) {
  if (outputs <= 0 || inputs <= 0) return;
  r.scratch.reserve(static_cast<size_t>(rank * kPanel + kTileRows * kPanel));
  r.pool.parallel_for((outputs + kPanel - 1) / kPanel, [&](int64_t p, int worker) {
    const int64_t o = p * kPanel, width = outputs - o < kPanel ? outputs - o : kPanel;
    float* columns = r.scratch.of(worker);  // b's rows of this panel, transposed: [rank][32], zeros where there is no output
    float* sums = columns + rank * kPanel;  // [kTileRows][32]
    memset(sums, 0, kTileRows * kPanel * sizeof(float));
    memset(columns, 0, static_cast<size_t>(rank * kPanel) * sizeof(float));
    transpose(b + o * b_stride, b_stride, width, rank, columns, kPanel);
    for (int64_t k = 0; k < inputs; k += kTileRows) {
      const int64_t height = inputs - k < kTileRows ? inputs - k : kTileRows;
      product(Tile{a + k, 1, a_stride, columns, kPanel, 0, rank, sums, kPanel, width, nullptr, false}, height);
      const int64_t offset = (o * inputs) + k * kPanel;
      for (int64_t i = 0; i < height * kPanel; i += kLanes) store(destination + offset + i, load(w + offset + i) + splat(scale) * load(sums + i));
    }
  });
}

HE_ISA_END
