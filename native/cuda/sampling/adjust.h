// What is done to single logits before the temperature: mask, finite biases, repetition, frequency and presence penalty, n-grams that would repeat, bans, tokens that are forced, growth.
// Thread t does what concerns tokens t, t + 256, ...: nobody else touches them, so there is no barrier, and what comes several times for a token comes in order.
#pragma once
#include "cuda/sampling/row.h"

namespace he::cuda {

struct Adjustment {
  const SamplingArguments& a;
  const SamplingRow& row;
  Global<const float> logits;
  Global<float> z;
  Global<int> marks;  // a number a token
  Global<const int> history;
  Global<const unsigned> bits;

  HE_GPU Adjustment(const SamplingArguments& arguments, const SamplingRow& p) : a(arguments), row(p) {
    const long long r = block_x();
    logits = a.logits + r * a.stride;
    z = a.z + r * a.vocabulary;
    marks = {reinterpret_cast<int*>((a.weights + r * a.vocabulary).at)};
    if (a.history) history = a.history + r * a.history_stride;
    if (a.masks && row.mask >= 0) bits = a.masks + row.mask * a.mask_stride;
  }

  /// Whether anything is done; the same in every thread.
  HE_GPU bool any() const {
    const bool penalties = row.repetition_penalty != 1 || row.frequency_penalty != 0 || row.presence_penalty != 0;
    return bits || row.rules_count > 0 || (a.history && ((penalties && length() > 0) || ngrams()));
  }

  /// Fills z.
  HE_GPU void apply() const {
    for (int v = static_cast<int>(thread()); v < a.vocabulary; v += kSamplingThreads) z.set(v, allowed(v) ? logits.get(v) : minus_infinity());
    for_rules([&](int token, const TokenRule& rule) {
      if (finite(rule.bias)) z.set(token, z.get(token) + rule.bias);
    });
    if (a.history) {
      if (row.repetition_penalty != 1) penalise_repetition();
      if (row.frequency_penalty != 0 || row.presence_penalty != 0) penalise_counts();
      if (ngrams()) ban_ngrams();
    }
    for_rules([&](int token, const TokenRule& rule) {
      if (rule.bias == minus_infinity()) z.set(token, minus_infinity());
    });
    force();
    for_rules([&](int token, const TokenRule& rule) {
      const float x = z.get(token);
      if (rule.growth == 1 || !finite(x)) return;
      const double size = static_cast<double>(x < 0 ? -x : x);
      z.set(token, x + static_cast<float>(size * (power(static_cast<double>(rule.growth), row.position - rule.first + 1) - 1)));
    });
  }

 private:
  HE_GPU static bool finite(float x) { return x - x == 0; }
  HE_GPU static double power(double growth, int n) {
    double result = 1;
    for (; n > 0; n >>= 1, growth *= growth)
      if ((n & 1) != 0) result *= growth;
    return result;
  }
  HE_GPU int length() const { return a.history ? row.history_length : 0; }
  HE_GPU bool ngrams() const { return row.no_repeat_ngram > 0 && length() >= row.no_repeat_ngram - 1; }
  HE_GPU bool mine(int token) const { return token >= 0 && token < a.vocabulary && static_cast<unsigned>(token) % kSamplingThreads == thread(); }
  HE_GPU bool allowed(int v) const { return !bits || (bits.get(v >> 5) >> (v & 31) & 1) != 0; }

  // First token of the history that a penalty looks at.
  HE_GPU int tail(int start) const {
    const int windowed = row.penalty_window > 0 ? length() - row.penalty_window : 0;
    return start > windowed ? start : windowed;
  }

  HE_GPU bool applies(const TokenRule& rule) const {
    if (row.position < rule.first || row.position >= rule.end) return false;
    const int before = rule.tokens_count - 1;
    if (length() < before) return false;
    for (int i = 0; i < before; ++i)
      if (history.get(length() - before + i) != a.rule_tokens.get(rule.tokens_start + i)) return false;
    return true;
  }

  // Calls f(token, rule) for each rule that applies now to a token of this thread.
  template <class F>
  HE_GPU void for_rules(F f) const {
    for (int i = row.rules_start; i < row.rules_start + row.rules_count; ++i) {
      const TokenRule rule(a.rules + static_cast<long long>(i) * kTokenRuleWords);
      const int token = a.rule_tokens.get(rule.tokens_start + rule.tokens_count - 1);
      if (mine(token) && applies(rule)) f(token, rule);
    }
  }

  // Keskar et al. 2019: once for each distinct token.
  HE_GPU void penalise_repetition() const {
    const int start = tail(row.repetition_start);
    for (int i = start; i < length(); ++i)
      if (mine(history.get(i))) marks.set(history.get(i), 0);
    for (int i = start; i < length(); ++i) {
      const int v = history.get(i);
      if (!mine(v) || marks.get(v) != 0) continue;
      marks.set(v, 1);
      const float x = z.get(v);
      z.set(v, x > 0 ? divide(x, row.repetition_penalty) : x * row.repetition_penalty);
    }
  }

  // OpenAI's: count * frequency + presence is taken off, once for each token that is there.
  HE_GPU void penalise_counts() const {
    const int start = tail(row.count_start);
    for (int i = start; i < length(); ++i)
      if (mine(history.get(i))) marks.set(history.get(i), 0);
    for (int i = start; i < length(); ++i)
      if (mine(history.get(i))) marks.set(history.get(i), marks.get(history.get(i)) + 1);
    for (int i = start; i < length(); ++i) {
      const int v = history.get(i);
      if (!mine(v) || marks.get(v) == 0) continue;
      z.set(v, z.get(v) - (static_cast<float>(marks.get(v)) * row.frequency_penalty + row.presence_penalty));
      marks.set(v, 0);
    }
  }

  // Bans every token that would complete n tokens which the history holds already (Paulus et al. 2017).
  HE_GPU void ban_ngrams() const {
    const int size = row.no_repeat_ngram, suffix = length() - (size - 1);
    for (int i = 0; i + size <= length(); ++i) {
      const int v = history.get(i + size - 1);
      if (!mine(v)) continue;
      bool same = true;
      for (int j = 0; j < size - 1 && same; ++j) same = history.get(i + j) == history.get(suffix + j);
      if (same) z.set(v, minus_infinity());
    }
  }

  // Forced tokens all get logit 0, the others -inf; the mask is stronger.
  HE_GPU void force() const {
    bool forced = false;
    for (int i = row.rules_start; i < row.rules_start + row.rules_count && !forced; ++i) {
      const TokenRule rule(a.rules + static_cast<long long>(i) * kTokenRuleWords);
      const int token = a.rule_tokens.get(rule.tokens_start + rule.tokens_count - 1);
      forced = rule.bias == -minus_infinity() && token >= 0 && token < a.vocabulary && applies(rule);
    }
    if (!forced) return;
    for (int v = static_cast<int>(thread()); v < a.vocabulary; v += kSamplingThreads) z.set(v, minus_infinity());
    for_rules([&](int token, const TokenRule& rule) {
      if (rule.bias == -minus_infinity() && allowed(token)) z.set(token, 0.0f);
    });
  }
};

}  // namespace he::cuda
