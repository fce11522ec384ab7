// Drawing tokens from stored logits, and the greatest of them. Contract: ISamplingKernels; order of the steps: docs/inference/sampling.md.
#pragma once
#include "cuda/head/log_sum_exp.h"

namespace he::cuda {

constexpr int kSamplingThreads = 256;

/// he_sampling_row and he_token_rule (hybridengine/he.h) as 32-bit words of device memory.
constexpr int kSamplingRowWords = 26, kTokenRuleWords = 6;

/// Fewer than 2^20 tokens: sums of weights are 64-bit integers of 2^-44 each, exact in any order.
struct SamplingArguments {
  Global<const float> logits;            ///< [rows, vocabulary], a row every stride
  Global<const unsigned> rows;           ///< [rows, kSamplingRowWords]
  Global<const int> history;             ///< [rows, *], a row every history_stride; or none
  Global<const unsigned> rules;          ///< [rules, kTokenRuleWords]; or none
  Global<const int> rule_tokens;
  Global<const unsigned> masks;          ///< [masks, *], a row every mask_stride; or none
  Global<float> z, weights;              ///< [rows, vocabulary] each: memory to work in
  Global<const float> partial;           ///< draw: [rows, tiles, 4] of head_tiles on the logits with the rows' temperatures
  Global<int> ids;                       ///< draw: [rows]; -1: nothing can be drawn
  Global<float> log_prob;                ///< draw: [rows]
  Global<float> sampled_log_prob;        ///< draw: [rows], or none
  Global<float> processed;               ///< process: [rows, vocabulary], a row every processed_stride; may be the logits
  long long stride, history_stride, mask_stride, processed_stride;
  int vocabulary;
};

struct TopValuesArguments {
  Global<const float> values;            ///< [rows, width], a row every stride
  Global<const float> temperature;       ///< [rows] with log_sum_exp
  Global<const float> log_sum_exp;       ///< [rows]: log-probabilities of logits; or none: the values themselves
  Global<int> ids;                       ///< [rows, k], a row every ids_stride
  Global<float> top;                     ///< [rows, k], a row every top_stride
  long long stride, ids_stride, top_stride;
  int width, k;
};

/// The temperature of every row as head_tiles reads it.
struct RowTemperaturesArguments {
  Global<const unsigned> rows;
  Global<float> temperature;             ///< [rows]
  int count;
};

/// Bytes of shared memory of a block: sixteen bins a thread, their totals, a number a warp.
constexpr int kSamplingShared = 16 * kSamplingThreads * 8 + 16 * 8 + kSamplingThreads / 32 * 8;

/// Grid: (rows). kSamplingThreads threads.
HE_KERNEL(kSamplingThreads) sampling_draw(SamplingArguments a);
HE_KERNEL(kSamplingThreads) sampling_process(SamplingArguments a);
HE_KERNEL(kSamplingThreads) sampling_top(TopValuesArguments a);
/// Grid: (ceil(rows / kSamplingThreads)). No shared memory.
HE_KERNEL(kSamplingThreads) sampling_temperatures(RowTemperaturesArguments a);

}  // namespace he::cuda
