#include "cpu/simd/elementary.h"

#include "cpu/simd/exp.h"

HE_ISA_BEGIN

namespace {

template <V16 (*F)(V16)>
void apply(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i < kLanes ? n - i : kLanes;
    store_n(y + i, F(load_n(x + i, left)), left);
  }
}

}  // namespace

void fill(ElementaryKernels&);
void fill(ElementaryKernels& t) {
  t.exp = apply<exp>;
  t.tanh = apply<tanh>;
  t.sigmoid = apply<sigmoid>;
  t.normal_cdf = apply<normal_cdf>;
}

HE_ISA_END
