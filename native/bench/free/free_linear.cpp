// The float32 products with batch invariance switched off, to measure what it costs: cpu/linear compiled once more with sums that are one chain
// (HE_FREE_ORDER, cpu/linear/tile.h), and a product that shares its inner dimension out over the threads, whose order depends on them.
#include "bench/free/free_linear.h"

#include "cpu/linear/linear_isa.h"
#include "cpu/linear/product.h"

HE_ISA_BEGIN

void fill(LinearKernels&);

static void forward_split(const Resources& r, const float* x, int64_t rows, int64_t inputs, const float* w, int64_t outputs, float* y) {
  const int64_t parts = r.pool.size(), size = rows * outputs;
  r.scratch.reserve(0, static_cast<size_t>(parts * size));
  float* sums = r.scratch.shared();
  r.pool.parallel_for(parts, [&](int64_t part) {
    const int64_t k = part * inputs / parts, n = (part + 1) * inputs / parts - k;
    product(Tile{x + k, inputs, 1, w + k * kPanel, kPanel, inputs * kPanel, n, sums + part * size, outputs, outputs, nullptr, false}, rows);
  });
  for (int64_t i = 0; i < size; i += kLanes) {
    const int64_t width = size - i < kLanes ? size - i : kLanes;
    V16 sum = load_n(sums + i, width);
    for (int64_t part = 1; part < parts; ++part) sum = sum + load_n(sums + part * size + i, width);
    store_n(y + i, sum, width);
  }
}

HE_ISA_END

namespace he::bench {

FreeLinear free_linear_kernels() {
  FreeLinear k{};
  cpu::HE_ISA::fill(k.chain);
  k.forward_split = cpu::HE_ISA::forward_split;
  return k;
}

}  // namespace he::bench
