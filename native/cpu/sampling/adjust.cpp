// What is done to single logits before the temperature: mask, finite biases, repetition, frequency and presence penalty, n-grams that would
// repeat, bans, tokens that are forced. Works on the row's history; traffic: one copy of the row, and none when all of it is off.
#include <math.h>
#include <string.h>

#include "cpu/sampling/kernels.h"

HE_ISA_BEGIN

namespace {

bool allowed(const int32_t* bits, int32_t v) { return bits == nullptr || ((static_cast<uint32_t>(bits[v >> 5]) >> (v & 31)) & 1) != 0; }

// Copies the row; -inf where a token's bit is 0. Whole words first: most masks allow nearly nothing or nearly everything.
void copy_masked(const float* logits, int64_t n, const int32_t* bits, float* z) {
  for (int64_t v = 0; v < n; v += 32) {
    const int64_t end = v + 32 < n ? v + 32 : n;
    const uint32_t word = bits == nullptr ? 0xFFFFFFFFu : static_cast<uint32_t>(bits[v >> 5]);
    if (word == 0xFFFFFFFFu) {
      memmove(z + v, logits + v, static_cast<size_t>(end - v) * sizeof(float));
    } else if (word == 0) {
      for (int64_t i = v; i < end; ++i) z[i] = -INFINITY;
    } else {
      for (int64_t i = v; i < end; ++i) z[i] = ((word >> (i - v)) & 1) != 0 ? logits[i] : -INFINITY;
    }
  }
}

struct History {
  const int32_t* tokens;
  int64_t length;
};

// The part of the history from `start` on, and of it the last `window` tokens when that is positive.
History tail(History h, int64_t start, int64_t window) {
  if (window > 0 && h.length - window > start) start = h.length - window;
  if (start >= h.length) return {h.tokens, 0};
  return {h.tokens + start, h.length - start};
}

bool ends_with(History h, const int32_t* tokens, int64_t n) {
  if (h.length < n) return false;
  return memcmp(h.tokens + h.length - n, tokens, static_cast<size_t>(n) * sizeof(int32_t)) == 0;
}

// growth^n, n >= 1.
double power(double growth, int64_t n) {
  double result = 1;
  for (; n > 0; n >>= 1, growth *= growth)
    if ((n & 1) != 0) result *= growth;
  return result;
}

// Calls f(token, rule) for each rule of the row that applies now.
template <class F>
void for_rules(const Sampling& a, const SamplingRow& p, History h, F f) {
  for (int64_t i = p.rules_start; i < int64_t{p.rules_start} + p.rules_count; ++i) {
    const TokenRule& rule = a.rules[i];
    if (p.position < rule.first || p.position >= rule.end) continue;
    const int32_t* tokens = a.rule_tokens + rule.tokens_start;
    const int32_t last = tokens[rule.tokens_count - 1];
    if (last < 0 || last >= a.vocabulary || !ends_with(h, tokens, rule.tokens_count - 1)) continue;
    f(last, rule);
  }
}

void add_biases(const Sampling& a, const SamplingRow& p, History h, float* z) {
  for_rules(a, p, h, [&](int32_t token, const TokenRule& rule) {
    if (isfinite(rule.bias)) z[token] += rule.bias;
  });
}

// Lengthening pull towards a token: |z| grows in with every position (transformers' exponential decay of the length).
void add_growth(const Sampling& a, const SamplingRow& p, History h, float* z) {
  for_rules(a, p, h, [&](int32_t token, const TokenRule& rule) {
    if (rule.growth == 1.0f || !isfinite(z[token])) return;
    const double factor = power(static_cast<double>(rule.growth), int64_t{p.position} - rule.first + 1) - 1;
    z[token] += static_cast<float>(fabs(static_cast<double>(z[token])) * factor);
  });
}

// Keskar et al. 2019: once for each distinct token.
void penalise_repetition(float penalty, History h, int64_t n, float* z, int32_t* marks) {
  for (int64_t i = 0; i < h.length; ++i)
    if (h.tokens[i] >= 0 && h.tokens[i] < n) marks[h.tokens[i]] = 0;
  for (int64_t i = 0; i < h.length; ++i) {
    const int32_t v = h.tokens[i];
    if (v < 0 || v >= n || marks[v]++ != 0) continue;
    z[v] = z[v] > 0 ? z[v] / penalty : z[v] * penalty;
  }
}

// OpenAI's: count * frequency + (count > 0) * presence is taken off.
void penalise_counts(float frequency, float presence, History h, int64_t n, float* z, int32_t* marks) {
  for (int64_t i = 0; i < h.length; ++i)
    if (h.tokens[i] >= 0 && h.tokens[i] < n) marks[h.tokens[i]] = 0;
  for (int64_t i = 0; i < h.length; ++i)
    if (h.tokens[i] >= 0 && h.tokens[i] < n) ++marks[h.tokens[i]];
  for (int64_t i = 0; i < h.length; ++i) {
    const int32_t v = h.tokens[i];
    if (v < 0 || v >= n || marks[v] == 0) continue;
    z[v] -= static_cast<float>(marks[v]) * frequency + presence;
    marks[v] = 0;
  }
}

// Bans every token that would complete n tokens which the history holds already (Paulus et al. 2017).
void ban_ngrams(int64_t size, History h, int64_t n, float* z) {
  const int32_t* suffix = h.tokens + h.length - (size - 1);
  for (int64_t i = 0; i + size <= h.length; ++i) {
    const int32_t v = h.tokens[i + size - 1];
    if (v < 0 || v >= n || memcmp(h.tokens + i, suffix, static_cast<size_t>(size - 1) * sizeof(int32_t)) != 0) continue;
    z[v] = -INFINITY;
  }
}

void ban(const Sampling& a, const SamplingRow& p, History h, float* z) {
  for_rules(a, p, h, [&](int32_t token, const TokenRule& rule) {
    if (rule.bias == -INFINITY) z[token] = -INFINITY;
  });
}

// Forced tokens all get logit 0, the others -inf; a constraint is stronger.
void force(const Sampling& a, const SamplingRow& p, History h, const int32_t* bits, float* z) {
  bool any = false;
  for_rules(a, p, h, [&](int32_t, const TokenRule& rule) { any |= rule.bias == INFINITY; });
  if (!any) return;
  for (int64_t v = 0; v < a.vocabulary; ++v) z[v] = -INFINITY;
  for_rules(a, p, h, [&](int32_t token, const TokenRule& rule) {
    if (rule.bias == INFINITY && allowed(bits, token)) z[token] = 0;
  });
}

}  // namespace

const float* sampling_adjust(const Sampling& a, int64_t row, const float* logits, float* z, int32_t* marks) {
  const SamplingRow& p = a.rows[row];
  const History h{a.history == nullptr ? nullptr : a.history + row * a.history_stride, a.history == nullptr ? 0 : p.history_length};
  const int32_t* bits = a.masks == nullptr || p.mask < 0 ? nullptr : a.masks + p.mask * a.mask_stride;
  const bool repetition = p.repetition_penalty != 1.0f && h.length > 0;
  const bool counts = (p.frequency_penalty != 0.0f || p.presence_penalty != 0.0f) && h.length > 0;
  const bool ngrams = p.no_repeat_ngram > 0 && h.length >= p.no_repeat_ngram - 1;
  const bool rules = p.rules_count > 0;
  if (bits == nullptr && !repetition && !counts && !ngrams && !rules) return logits;
  const int64_t n = a.vocabulary;
  copy_masked(logits, n, bits, z);
  if (rules) add_biases(a, p, h, z);
  if (repetition) penalise_repetition(p.repetition_penalty, tail(h, p.repetition_start, p.penalty_window), n, z, marks);
  if (counts) penalise_counts(p.frequency_penalty, p.presence_penalty, tail(h, p.count_start, p.penalty_window), n, z, marks);
  if (ngrams) ban_ngrams(p.no_repeat_ngram, h, n, z);
  if (rules) {
    ban(a, p, h, z);
    force(a, p, h, bits, z);
    add_growth(a, p, h, z);
  }
  return z;
}

HE_ISA_END
