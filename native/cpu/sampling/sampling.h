// Sampling family: drawing tokens from stored logits, and log-probabilities of stored logits.
#pragma once
#include <cstddef>
#include <cstdint>

namespace he::cpu {

struct Sampling {
  const float* logits;  // [rows, vocabulary]
  int64_t logits_stride, vocabulary;
  // One entry a row.
  const float* temperature;  // 0: greedy
  const int32_t* top_k;      // 0: off
  const float* top_p;        // 1: off
  const float* min_p;        // 0: off
  const float* penalty;      // 1: off
  const int32_t* history;    // [rows, history_stride] or null
  int64_t history_stride;
  const int32_t* history_lengths;  // or null
  const int64_t* seeds;
  const int64_t* requests;
  const int32_t* choices;
  const int32_t* positions;
  const int32_t* masks;  // [masks, mask_stride] bits, or null
  int64_t mask_stride;
  const int32_t* mask_rows;  // negative: none
  int32_t* ids;
  float* log_prob;
  float* sampled_log_prob;  // or null
};

struct TopLogProbs {
  const float* logits;
  int64_t logits_stride, vocabulary;
  const float* temperature;
  int64_t k;
  int32_t* ids;  // [rows, k]
  int64_t ids_stride;
  float* log_probs;  // [rows, k]
  int64_t log_probs_stride;
};

struct SamplingKernels {
  size_t (*scratch)(int64_t vocabulary);  // floats that sample() needs
  void (*sample)(const Sampling&, int64_t row, float* scratch);
  void (*top)(const TopLogProbs&, int64_t row);
  float (*log_prob)(const float* logits, int64_t vocabulary, float temperature, int32_t target);
  void (*philox)(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
};

}  // namespace he::cpu
