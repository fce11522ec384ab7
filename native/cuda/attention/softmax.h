// Chunks of keys, combined in order: what a row has summed so far, and how the next chunk joins it.
#pragma once
#include "cuda/attention/attention.h"

namespace he::cuda {

/// The factors by which two sums of weights relative to different maxima become one. A chunk without a visible key (maximum -inf) changes nothing; the first is taken as it is.
struct Join {
  float maximum_, old_factor, new_factor;

  HE_GPU Join(float old_maximum, float new_maximum) {
    const float m = cuda::maximum(old_maximum, new_maximum);
    const bool first = old_maximum == minus_infinity(), nothing = new_maximum == minus_infinity();
    maximum_ = m;
    old_factor = nothing ? 1.0f : first ? 0.0f : exp2_fast(old_maximum - m);
    new_factor = nothing ? 0.0f : first ? 1.0f : exp2_fast(new_maximum - m);
  }
  HE_GPU float operator()(float old_sum, float new_sum) const { return fma(new_sum, new_factor, old_sum * old_factor); }
};

}  // namespace he::cuda
