// Log-probabilities of stored logits, in the order of the fused head (cpu/head/logsumexp.h), and the k greatest of a row.
#include "cpu/head/logsumexp.h"
#include "cpu/sampling/kernels.h"
#include "cpu/sampling/philox.h"
#include "cpu/sampling/threshold.h"
#include "cpu/simd/lanes.h"

HE_ISA_BEGIN

namespace {

float inverse(float temperature) { return temperature > 0 ? 1.0f / temperature : 1.0f; }

float log_sum_exp(const float* logits, int64_t n, float scale) {
  RowSum row = row_sum_start();
  for (int64_t v = 0; v < n; v += kVocabularyTile)
    row_sum_tile<false>(row, logits + v, n - v < kVocabularyTile ? n - v : kVocabularyTile, scale);
  return row_log_sum_exp(row);
}

// The better of two tokens: the greater logit, of equals the lower id.
bool better(const float* logits, int32_t a, int32_t b) {
  const uint32_t x = ordered(logits[a]), y = ordered(logits[b]);
  return x != y ? x > y : a < b;
}

// Heap sort, best first: the root of the heap is the worst.
void sort_best_first(const float* logits, int32_t* ids, int64_t n) {
  const auto sink = [&](int64_t i, int64_t end) {
    for (;;) {
      int64_t child = 2 * i + 1;
      if (child >= end) return;
      if (child + 1 < end && better(logits, ids[child], ids[child + 1])) ++child;
      if (!better(logits, ids[i], ids[child])) return;
      const int32_t t = ids[i];
      ids[i] = ids[child];
      ids[child] = t;
      i = child;
    }
  };
  for (int64_t i = n / 2 - 1; i >= 0; --i) sink(i, n);
  for (int64_t end = n - 1; end > 0; --end) {
    const int32_t t = ids[0];
    ids[0] = ids[end];
    ids[end] = t;
    sink(0, end);
  }
}

void top(const TopValues& a, int64_t row) {
  if (a.k <= 0) return;
  const float* values = a.values + row * a.values_stride;
  int32_t* ids = a.ids + row * a.ids_stride;
  const Threshold t = find_threshold(
      a.width, static_cast<double>(a.k), [&](int64_t v) { return ordered(values[v]); }, [](int64_t) { return 1.0; });
  int64_t n = 0, ties = a.k - static_cast<int64_t>(t.before);
  for (int64_t v = 0; v < a.width; ++v) {
    const uint32_t key = ordered(values[v]);
    if (key < t.key || (key == t.key && ties-- <= 0)) continue;
    ids[n++] = static_cast<int32_t>(v);
  }
  sort_best_first(values, ids, n);
  float* top = a.top + row * a.top_stride;
  if (a.temperature == nullptr) {
    for (int64_t i = 0; i < n; ++i) top[i] = values[ids[i]];
    return;
  }
  const float scale = inverse(a.temperature[row]), lse = log_sum_exp(values, a.width, scale);
  for (int64_t i = 0; i < n; ++i) top[i] = values[ids[i]] * scale - lse;
}

void log_softmax(const float* logits, int64_t vocabulary, float temperature, float* log_probs) {
  const float scale = inverse(temperature);
  const V16 lse = splat(log_sum_exp(logits, vocabulary, scale));
  for_lanes(vocabulary, [&](int64_t i, int64_t n) { store_some(log_probs + i, load_some(logits + i, n) * splat(scale) - lse, n); });
}

void philox_words(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  const Philox p = philox(counter, key);
  for (int i = 0; i < 4; ++i) out[i] = p.word[i];
}

}  // namespace

float sampling_log_prob(const float* logits, int64_t vocabulary, float temperature, int32_t target) {
  const float scale = inverse(temperature);
  return target < 0 ? 0.0f : logits[target] * scale - log_sum_exp(logits, vocabulary, scale);
}

void fill(SamplingKernels&);
void fill(SamplingKernels& t) {
  t.scratch = sampling_scratch;
  t.sample = sampling_sample;
  t.process = sampling_process;
  t.top = top;
  t.log_prob = sampling_log_prob;
  t.log_softmax = log_softmax;
  t.philox = philox_words;
}

HE_ISA_END
