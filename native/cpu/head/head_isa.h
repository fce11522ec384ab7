// The head family's functions of one instruction set, and what they share.
#pragma once
#include "cpu/head/head.h"
#include "cpu/simd/exp.h"

HE_ISA_BEGIN

void head_log_probs(const Resources&, const HeadInputs&, float* log_prob, float* log_sum_exp, float* entropy);
void head_log_probs_backward(const Resources&, const HeadInputs&, const HeadGradients&);
void head_log_probs_backward_bf16(const Resources&, const HeadInputs&, const HeadGradients&);
void head_logits(const Resources&, const HeadInputs&, float* y, int64_t y_stride);

// cap * tanh(l / cap), in place; n logits.
static inline void cap_logits(float* logits, int64_t n, float soft_cap) {
  const V16 cap = splat(soft_cap);
  for (int64_t v = 0; v < n; v += kLanes) {
    const int64_t lanes = n - v < kLanes ? n - v : kLanes;
    store_n(logits + v, cap * tanh(load_n(logits + v, lanes) / cap), lanes);
  }
}

HE_ISA_END
