// Chunks of keys, combined in order: what a row has summed so far, and how the next chunk joins it.
#pragma once
#include "cuda/attention/attention.h"

namespace he::cuda {

/// What weights are powers of: 2 by the machine's approximation, or e to float32's accuracy.
struct BaseTwo {
  HE_GPU static float power(float x) { return exp2_fast(x); }
};
struct BaseE {
  HE_GPU static float power(float x) { return exp_accurate(x); }
};

/// The factors by which two sums of weights relative to different maxima become one. A chunk without a visible key (maximum -inf) changes nothing; the first is taken as it is.
template <class Base>
struct JoinIn {
  float maximum_, old_factor, new_factor;

  HE_GPU JoinIn(float old_maximum, float new_maximum) {
    const float m = cuda::maximum(old_maximum, new_maximum);
    const bool first = old_maximum == minus_infinity(), nothing = new_maximum == minus_infinity();
    maximum_ = m;
    old_factor = nothing ? 1.0f : first ? 0.0f : Base::power(old_maximum - m);
    new_factor = nothing ? 0.0f : first ? 1.0f : Base::power(new_maximum - m);
  }
  HE_GPU float operator()(float old_sum, float new_sum) const { return fma(new_sum, new_factor, old_sum * old_factor); }
};
using Join = JoinIn<BaseTwo>;

}  // namespace he::cuda
