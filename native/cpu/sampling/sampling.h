// Sampling family: drawing tokens from stored logits, and log-probabilities of stored logits.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cpu/sampling/rows.h"

namespace he::cpu {

// Logits and how each row of them is drawn from.
struct Sampling {
  const float* logits;  // [rows, vocabulary]
  int64_t logits_stride, vocabulary;
  const SamplingRow* rows;
  const int32_t* history;  // [rows, history_stride] or null
  int64_t history_stride;
  const TokenRule* rules;
  const int32_t* rule_tokens;
  const int32_t* masks;  // [masks, mask_stride] bits, or null
  int64_t mask_stride;
};

struct Draws {
  int32_t* ids;
  float* log_prob;
  float* sampled_log_prob;  // or null
};

struct TopValues {
  const float* values;
  int64_t values_stride, width;
  const float* temperature;  // null: the values as they are; else their log-soft-max
  int64_t k;
  int32_t* ids;  // [rows, k]
  int64_t ids_stride;
  float* top;  // [rows, k]
  int64_t top_stride;
};

struct SamplingKernels {
  size_t (*scratch)(int64_t vocabulary);  // floats that sample() and process() need
  void (*sample)(const Sampling&, const Draws&, int64_t row, float* scratch);
  void (*process)(const Sampling&, int64_t row, float* processed, float* scratch);
  void (*top)(const TopValues&, int64_t row);
  float (*log_prob)(const float* logits, int64_t vocabulary, float temperature, int32_t target);
  void (*log_softmax)(const float* logits, int64_t vocabulary, float temperature, float* log_probs);
  void (*philox)(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
};

}  // namespace he::cpu
