// What the sampling kernels read of a row's parameters and rules: he_sampling_row and he_token_rule of the C ABI, field by field (abi/sampling.cpp holds them equal), so that
// kernels need not know the ABI. What the fields mean is said there, the order of the steps in docs/inference/sampling.md.
#pragma once
#include <cstdint>

namespace he::cpu {

struct SamplingRow {
  int64_t seed, request;
  double top_p;
  int32_t choice, position;
  int32_t history_length;
  int32_t mask;
  int32_t rules_start, rules_count;
  float repetition_penalty;
  float frequency_penalty;
  float presence_penalty;
  int32_t repetition_start;
  int32_t count_start;
  int32_t penalty_window;
  int32_t no_repeat_ngram;
  float temperature;
  int32_t top_k;
  float top_n_sigma;
  float min_p;
  float typical_p;
  float epsilon_cutoff;
  float eta_cutoff;
};

struct TokenRule {
  int32_t tokens_start, tokens_count;
  int32_t first, end;
  float bias;
  float growth;
};

}  // namespace he::cpu
