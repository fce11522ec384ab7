// Sampling exports.
#include "cpu/sampling/sampling.h"

#include <cstddef>

#include "abi/guard.h"
#include "core/context.h"

namespace {

// The kernels' own names for the ABI's structs: the same fields in the same places.
#define HE_SAME_PLACE(ours, theirs, field) static_assert(offsetof(ours, field) == offsetof(theirs, field) && sizeof(ours::field) == sizeof(theirs::field))
static_assert(sizeof(he::cpu::SamplingRow) == sizeof(he_sampling_row) && sizeof(he::cpu::TokenRule) == sizeof(he_token_rule));
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, seed);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, request);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, top_p);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, choice);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, position);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, history_length);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, mask);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, rules_start);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, rules_count);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, repetition_penalty);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, frequency_penalty);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, presence_penalty);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, repetition_start);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, count_start);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, penalty_window);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, no_repeat_ngram);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, temperature);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, top_k);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, top_n_sigma);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, min_p);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, typical_p);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, epsilon_cutoff);
HE_SAME_PLACE(he::cpu::SamplingRow, he_sampling_row, eta_cutoff);
HE_SAME_PLACE(he::cpu::TokenRule, he_token_rule, tokens_start);
HE_SAME_PLACE(he::cpu::TokenRule, he_token_rule, tokens_count);
HE_SAME_PLACE(he::cpu::TokenRule, he_token_rule, first);
HE_SAME_PLACE(he::cpu::TokenRule, he_token_rule, end);
HE_SAME_PLACE(he::cpu::TokenRule, he_token_rule, bias);
HE_SAME_PLACE(he::cpu::TokenRule, he_token_rule, growth);
#undef HE_SAME_PLACE

// What rows point at must lie inside the arrays: kernels do not look again.
void require_rows(const he::cpu::Sampling& a, int64_t rows, int64_t history_width, int64_t rule_count, int64_t rule_token_count,
                  int64_t mask_count) {
  for (int64_t i = 0; i < rule_count; ++i) {
    const he::cpu::TokenRule& rule = a.rules[i];
    he::require(rule.tokens_start >= 0 && rule.tokens_count >= 1 && int64_t{rule.tokens_start} + rule.tokens_count <= rule_token_count,
                "sample: a rule's tokens lie outside the list");
  }
  for (int64_t r = 0; r < rows; ++r) {
    const he::cpu::SamplingRow& p = a.rows[r];
    he::require(p.history_length >= 0 && (a.history == nullptr || p.history_length <= history_width),
                "sample: a history is longer than its row");
    he::require(a.masks == nullptr || p.mask < mask_count, "sample: a mask lies outside the masks");
    he::require(p.rules_start >= 0 && p.rules_count >= 0 && int64_t{p.rules_start} + p.rules_count <= rule_count,
                "sample: rules lie outside the list");
    he::require(p.repetition_start >= 0 && p.count_start >= 0 && p.penalty_window >= 0 && p.no_repeat_ngram >= 0,
                "sample: starts, windows and sizes must not be negative");
  }
}

he::cpu::Sampling sampling(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride,
                           const he_sampling_row* parameters, const int32_t* history, int64_t history_width, int64_t history_stride,
                           const he_token_rule* rules, int64_t rule_count, const int32_t* rule_tokens, int64_t rule_token_count,
                           const int32_t* masks, int64_t mask_count, int64_t mask_stride) {
  he::require(ctx != nullptr, "sample: context is null");
  he::require(rows >= 0 && vocabulary > 0 && vocabulary <= INT32_MAX, "sample: the vocabulary must be positive");
  he::require(rows == 0 || (logits != nullptr && parameters != nullptr), "sample: logits and parameters must not be null");
  he::require(rule_count == 0 || (rules != nullptr && rule_tokens != nullptr), "sample: rules need their tokens");
  he::require(masks == nullptr || mask_stride >= (vocabulary + 31) / 32, "sample: a mask needs a bit a token");
  const he::cpu::Sampling a{logits,         logits_stride, vocabulary, reinterpret_cast<const he::cpu::SamplingRow*>(parameters), history, history_stride,
                            reinterpret_cast<const he::cpu::TokenRule*>(rules), rule_tokens, masks, mask_stride};
  require_rows(a, rows, history_width, rule_count, rule_token_count, masks == nullptr ? 0 : mask_count);
  return a;
}

}  // namespace

extern "C" {

he_status he_sample(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride,
                    const he_sampling_row* parameters, const int32_t* history, int64_t history_width, int64_t history_stride,
                    const he_token_rule* rules, int64_t rule_count, const int32_t* rule_tokens, int64_t rule_token_count,
                    const int32_t* masks, int64_t mask_count, int64_t mask_stride, int32_t* ids, float* log_prob, float* sampled_log_prob) {
  return he::guard([&] {
    const he::cpu::Sampling a = sampling(ctx, rows, vocabulary, logits, logits_stride, parameters, history, history_width, history_stride,
                                         rules, rule_count, rule_tokens, rule_token_count, masks, mask_count, mask_stride);
    if (rows == 0) return;
    he::require(ids != nullptr && log_prob != nullptr, "sample: ids and log_prob must not be null");
    const he::cpu::Draws draws{ids, log_prob, sampled_log_prob};
    const he::cpu::SamplingKernels& kernels = ctx->isa.kernels.sampling;
    ctx->scratch.reserve(kernels.scratch(vocabulary));
    ctx->pool.parallel_for(rows, [&](int64_t row, int worker) { kernels.sample(a, draws, row, ctx->scratch.of(worker)); });
  });
}

he_status he_process_logits(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride,
                            const he_sampling_row* parameters, const int32_t* history, int64_t history_width, int64_t history_stride,
                            const he_token_rule* rules, int64_t rule_count, const int32_t* rule_tokens, int64_t rule_token_count,
                            const int32_t* masks, int64_t mask_count, int64_t mask_stride, float* processed, int64_t processed_stride) {
  return he::guard([&] {
    const he::cpu::Sampling a = sampling(ctx, rows, vocabulary, logits, logits_stride, parameters, history, history_width, history_stride,
                                         rules, rule_count, rule_tokens, rule_token_count, masks, mask_count, mask_stride);
    if (rows == 0) return;
    he::require(processed != nullptr, "process logits: processed must not be null");
    const he::cpu::SamplingKernels& kernels = ctx->isa.kernels.sampling;
    ctx->scratch.reserve(kernels.scratch(vocabulary));
    ctx->pool.parallel_for(
        rows, [&](int64_t row, int worker) { kernels.process(a, row, processed + row * processed_stride, ctx->scratch.of(worker)); });
  });
}

he_status he_log_softmax(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride,
                         const float* temperature, float* log_probs, int64_t log_probs_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "log-soft-max: context is null");
    he::require(rows >= 0 && vocabulary > 0, "log-soft-max: the vocabulary must be positive");
    if (rows == 0) return;
    he::require(logits != nullptr && temperature != nullptr && log_probs != nullptr, "log-soft-max: arguments must not be null");
    ctx->pool.parallel_for(rows, [&](int64_t r) {
      ctx->isa.kernels.sampling.log_softmax(logits + r * logits_stride, vocabulary, temperature[r], log_probs + r * log_probs_stride);
    });
  });
}

he_status he_top_values(he_context* ctx, int64_t rows, int64_t width, const float* values, int64_t values_stride, int64_t k, int32_t* ids,
                        int64_t ids_stride, float* top, int64_t top_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "top values: context is null");
    he::require(rows >= 0 && width > 0 && width <= INT32_MAX && k >= 0 && k <= width, "top values: k must be 0 to the width");
    if (rows == 0 || k == 0) return;
    he::require(values != nullptr && ids != nullptr && top != nullptr, "top values: arguments must not be null");
    const he::cpu::TopValues a{values, values_stride, width, nullptr, k, ids, ids_stride, top, top_stride};
    ctx->pool.parallel_for(rows, [&](int64_t row) { ctx->isa.kernels.sampling.top(a, row); });
  });
}

he_status he_top_log_probs(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride,
                           const float* temperature, int64_t k, int32_t* ids, int64_t ids_stride, float* log_probs,
                           int64_t log_probs_stride) {
  return he::guard([&] {
    he::require(ctx != nullptr, "top log-probs: context is null");
    he::require(rows >= 0 && vocabulary > 0 && vocabulary <= INT32_MAX && k >= 0 && k <= vocabulary,
                "top log-probs: k must be 0 to the vocabulary");
    if (rows == 0 || k == 0) return;
    he::require(logits != nullptr && temperature != nullptr && ids != nullptr && log_probs != nullptr,
                "top log-probs: arguments must not be null");
    const he::cpu::TopValues a{logits, logits_stride, vocabulary, temperature, k, ids, ids_stride, log_probs, log_probs_stride};
    ctx->pool.parallel_for(rows, [&](int64_t row) { ctx->isa.kernels.sampling.top(a, row); });
  });
}

he_status he_log_probs_from_logits(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride,
                                   const float* temperature, const int32_t* targets, float* log_prob) {
  return he::guard([&] {
    he::require(ctx != nullptr, "log-probs: context is null");
    he::require(rows >= 0 && vocabulary > 0, "log-probs: the vocabulary must be positive");
    if (rows == 0) return;
    he::require(logits != nullptr && temperature != nullptr && targets != nullptr && log_prob != nullptr,
                "log-probs: arguments must not be null");
    for (int64_t r = 0; r < rows; ++r) he::require(targets[r] < vocabulary, "log-probs: a target lies outside the vocabulary");
    ctx->pool.parallel_for(rows, [&](int64_t r) {
      log_prob[r] = ctx->isa.kernels.sampling.log_prob(logits + r * logits_stride, vocabulary, temperature[r], targets[r]);
    });
  });
}

}  // extern "C"
