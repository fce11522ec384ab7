// The family's functions; log_prob.cpp puts them into the table.
#pragma once
#include "cpu/sampling/candidates.h"
#include "cpu/sampling/sampling.h"
#include "cpu/simd/isa.h"

HE_ISA_BEGIN

// adjust.cpp: mask, rules, penalties. The row itself when there are none, else a changed copy in `z` (which may be the row);
// `marks` has room for a number a token.
const float* sampling_adjust(const Sampling&, int64_t row, const float* logits, float* z, int32_t* marks);

// A row that tokens are drawn from: z = logit * scale, `top` the greatest z.
struct SampledRow {
  const float* logits;
  int64_t n;
  float scale, top;
};

// filter.cpp: the tokens that are left; `weights` and `maxima` have room for a number a token. A row with nothing but -inf and NaN is not filtered.
bool sampling_filters(const SamplingRow&, int64_t vocabulary);
void sampling_filter(const SamplingRow&, const SampledRow&, float* weights, float* maxima, Candidates&);

// sample.cpp
size_t sampling_scratch(int64_t vocabulary);
void sampling_sample(const Sampling&, const Draws&, int64_t row, float* scratch);
void sampling_process(const Sampling&, int64_t row, float* processed, float* scratch);

// log_prob.cpp
float sampling_log_prob(const float* logits, int64_t vocabulary, float temperature, int32_t target);

HE_ISA_END
