// Sampling exports.
#include "cpu/sampling/sampling.h"

#include "abi/guard.h"
#include "core/context.h"

extern "C" {

he_status he_sample(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride, const float* temperature,
                    const int32_t* top_k, const float* top_p, const float* min_p, const float* penalty, const int32_t* history,
                    int64_t history_width, int64_t history_stride, const int32_t* history_lengths, const int64_t* seeds,
                    const int64_t* requests, const int32_t* choices, const int32_t* positions, const int32_t* masks, int64_t mask_count,
                    int64_t mask_stride, const int32_t* mask_rows, int32_t* ids, float* log_prob, float* sampled_log_prob) {
  return he::guard([&] {
    he::require(ctx != nullptr, "sample: context is null");
    he::require(rows >= 0 && vocabulary > 0 && vocabulary <= INT32_MAX, "sample: the vocabulary must be positive");
    if (rows == 0) return;
    he::require(logits != nullptr && temperature != nullptr && top_k != nullptr && top_p != nullptr && min_p != nullptr &&
                    penalty != nullptr && seeds != nullptr && requests != nullptr && choices != nullptr && positions != nullptr &&
                    ids != nullptr && log_prob != nullptr,
                "sample: logits, parameters, ids and log_prob must not be null");
    he::require(history == nullptr || history_lengths != nullptr, "sample: a history needs its lengths");
    for (int64_t r = 0; history != nullptr && r < rows; ++r)
      he::require(history_lengths[r] >= 0 && history_lengths[r] <= history_width, "sample: a history is longer than its row");
    he::require(masks == nullptr || (mask_rows != nullptr && mask_stride >= (vocabulary + 31) / 32), "sample: masks need a bit a token and mask rows");
    for (int64_t r = 0; masks != nullptr && r < rows; ++r) he::require(mask_rows[r] < mask_count, "sample: a mask row lies outside the masks");
    const he::cpu::Sampling a{logits,    logits_stride, vocabulary,     temperature,     top_k, top_p,       min_p,
                              penalty,   history,       history_stride, history_lengths, seeds, requests,    choices,
                              positions, masks,         mask_stride,    mask_rows,       ids,   log_prob,    sampled_log_prob};
    const he::cpu::SamplingKernels& kernels = ctx->isa.kernels.sampling;
    ctx->scratch.reserve(kernels.scratch(vocabulary));
    ctx->pool.parallel_for(rows, [&](int64_t row, int worker) { kernels.sample(a, row, ctx->scratch.of(worker)); });
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
    const he::cpu::TopLogProbs a{logits, logits_stride, vocabulary, temperature, k, ids, ids_stride, log_probs, log_probs_stride};
    const he::cpu::SamplingKernels& kernels = ctx->isa.kernels.sampling;
    ctx->pool.parallel_for(rows, [&](int64_t row) { kernels.top(a, row); });
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
