// Head family: log-probabilities, entropies and their gradient straight from hidden states; [tokens, vocabulary] is never stored whole.
#pragma once
#include <cstdint>

#include "core/resources.h"
#include "cpu/compact/compact.h"

namespace he::cpu {

// z = cap(hidden W^T + bias) / temperature; W packed [vocabulary, width].
struct HeadInputs {
  const float* hidden;
  int64_t hidden_stride, tokens, width;
  const float* head;
  int64_t vocabulary;
  const float* bias;       // [vocabulary] or null
  const int32_t* targets;  // [tokens]; negative: none
  float temperature;
  float soft_cap;  // 0: off
  const CompactWeight* compact = nullptr;  // the forward reads it in place of head when it is there
  const uint16_t* bf16 = nullptr;          // the same, forward and backward: a bf16 weight (cpu/narrow/narrow.h)
  bool int8 = false;                       // compact times activations of 8 bits
};

struct HeadGradients {
  const float* log_sum_exp;    // [tokens], from the forward
  const float* entropy;        // [tokens], from the forward; null without d_entropy
  const float* d_log_prob;     // [tokens] or null
  const float* d_log_sum_exp;  // [tokens] or null
  const float* d_entropy;      // [tokens] or null
  float* d_hidden;             // [tokens, width], overwritten
  int64_t d_hidden_stride;
  float* d_head;  // packed, added to; or null
  float* d_bias;  // [vocabulary], added to; or null
};

struct HeadKernels {
  // entropy may be null.
  void (*log_probs)(const Resources&, const HeadInputs&, float* log_prob, float* log_sum_exp, float* entropy);
  void (*log_probs_backward)(const Resources&, const HeadInputs&, const HeadGradients&);
  // y [rows, vocabulary] = cap(hidden W^T + bias); targets and temperature are not read.
  void (*logits)(const Resources&, const HeadInputs&, float* y, int64_t y_stride);
};

}  // namespace he::cpu
