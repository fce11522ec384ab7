// A row's parameters and rules, read from their words.
#pragma once
#include "cuda/sampling/sampling.h"

namespace he::cuda {

struct SamplingRow {
  unsigned long long seed, request;
  double top_p;
  int choice, position, history_length, mask, rules_start, rules_count;
  float repetition_penalty, frequency_penalty, presence_penalty;
  int repetition_start, count_start, penalty_window, no_repeat_ngram;
  float temperature;
  int top_k;
  float top_n_sigma, min_p, typical_p, epsilon_cutoff, eta_cutoff;

  HE_GPU explicit SamplingRow(Global<const unsigned> w) {
    const auto whole = [&](int i) { return static_cast<int>(w.get(i)); };
    const auto real = [&](int i) { return bits_to_float(w.get(i)); };
    const auto twice = [&](int i) { return static_cast<unsigned long long>(w.get(i + 1)) << 32 | w.get(i); };
    seed = twice(0), request = twice(2), top_p = bits_to_double(twice(4));
    choice = whole(6), position = whole(7), history_length = whole(8), mask = whole(9), rules_start = whole(10), rules_count = whole(11);
    repetition_penalty = real(12), frequency_penalty = real(13), presence_penalty = real(14);
    repetition_start = whole(15), count_start = whole(16), penalty_window = whole(17), no_repeat_ngram = whole(18);
    temperature = real(19), top_k = whole(20), top_n_sigma = real(21), min_p = real(22), typical_p = real(23), epsilon_cutoff = real(24), eta_cutoff = real(25);
  }

  HE_GPU bool filters(int vocabulary) const {
    return (top_k > 0 && top_k < vocabulary) || top_p < 1 || min_p > 0 || top_n_sigma > 0 || typical_p < 1 || epsilon_cutoff > 0 || eta_cutoff > 0;
  }
};

struct TokenRule {
  int tokens_start, tokens_count, first, end;
  float bias, growth;

  HE_GPU explicit TokenRule(Global<const unsigned> w)
      : tokens_start(static_cast<int>(w.get(0))), tokens_count(static_cast<int>(w.get(1))), first(static_cast<int>(w.get(2))), end(static_cast<int>(w.get(3))), bias(bits_to_float(w.get(4))),
        growth(bits_to_float(w.get(5))) {}
};

}  // namespace he::cuda
