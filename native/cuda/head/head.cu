// A warp a tile, then a warp a row; gradients element by element. Order: log_sum_exp.h.
// Traffic: every logit of a piece read once forward, read and written once backward: from the second-level cache when the piece fits. Work: an exp a logit.
#include "cuda/head/head.h"

namespace he::cuda {
namespace {

// Calls f(column) for this thread's columns of the block's part of a row: a group of four.
template <class F>
HE_GPU void for_columns(int columns, F f) {
  const int first = (static_cast<int>(block_y()) * kHeadThreads + static_cast<int>(thread())) * 4;
  HE_UNROLL
  for (int j = 0; j < 4; ++j)
    if (first + j < columns) f(first + j);
}

}  // namespace

HE_KERNEL(kHeadThreads) head_tiles(HeadTilesArguments a) {
  const long long row = block_x();
  const int tile = static_cast<int>(block_y()) * (kHeadThreads / kWarp) + static_cast<int>(warp()), begin = tile * kVocabularyTile;
  if (begin >= a.columns) return;
  const Global<const float> logits = a.logits + row * a.stride + begin;
  const int n = a.columns - begin < kVocabularyTile ? a.columns - begin : kVocabularyTile;
  const float inverse = a.temperature ? inverse_temperature(a.temperature.get(row)) : a.inverse;
  const RowSum sum = row_sum_of_tile(logits, n, in_vectors(logits, a.stride, 4), a.soft_cap, inverse);
  if (lane() != 0) return;
  set_row_sum(a.partial, row * a.tiles + a.first / kVocabularyTile + tile, sum);
  if (!a.targets) return;
  const int target = a.targets.get(row) - a.first - begin;
  if (target >= 0 && target < n) a.target_z.set(row, soft_capped(logits.get(target), a.soft_cap) * inverse);
}

HE_KERNEL(kHeadThreads) head_finish(HeadFinishArguments a) {
  const int row = static_cast<int>(block_x()) * (kHeadThreads / kWarp) + static_cast<int>(warp());
  if (row >= a.rows) return;
  const RowSum sum = join_tiles(a.partial + 4LL * row * a.tiles, a.tiles);
  if (lane() != 0) return;
  const float lse = log_sum_exp(sum);
  if (a.log_prob) {
    float log_prob = 0.0f;
    if (a.targets.get(row) >= 0) log_prob = a.target_z.get(row) - lse;
    a.log_prob.set(row, log_prob);
  }
  if (a.log_sum_exp) a.log_sum_exp.set(row, lse);
  if (a.entropy) a.entropy.set(row, entropy(sum, lse));
}

HE_KERNEL(kHeadThreads) head_gradient(HeadGradientArguments a) {
  const long long row = block_x();
  const Global<float> logits = a.logits + row * a.stride;
  const int target = a.targets.get(row) - a.first;
  const float lse = a.log_sum_exp.get(row), d_log_prob = a.d_log_prob && a.targets.get(row) >= 0 ? a.d_log_prob.get(row) : 0.0f;
  const float d_lse = a.d_log_sum_exp ? a.d_log_sum_exp.get(row) : 0.0f, d_entropy = a.d_entropy ? a.d_entropy.get(row) : 0.0f, h = a.d_entropy ? a.entropy.get(row) : 0.0f;
  for_columns(a.columns, [&](int i) {
    const float logit = soft_capped(logits.get(i), a.soft_cap), z = logit * a.inverse, p = exp_accurate(z - lse);
    float dz = d_log_prob * ((i == target ? 1.0f : 0.0f) - p) + d_lse * p;
    if (a.d_entropy && p != 0) dz -= d_entropy * p * (z - lse + h);
    dz *= a.inverse;
    if (a.soft_cap > 0) {
      const float t = divide(logit, a.soft_cap);
      dz *= fma(-t, t, 1.0f);
    }
    logits.set(i, dz);
  });
}

HE_KERNEL(kHeadThreads) cap_logits(CapLogitsArguments a) {
  const Global<float> logits = a.logits + static_cast<long long>(block_x()) * a.stride;
  for_columns(a.columns, [&](int i) { logits.set(i, soft_capped(logits.get(i), a.soft_cap)); });
}

HE_KERNEL(kHeadThreads) log_softmax(LogSoftmaxArguments a) {
  const long long row = block_x();
  const float inverse = inverse_temperature(a.temperature.get(row)), lse = a.log_sum_exp.get(row);
  for_columns(a.columns, [&](int i) { a.log_probs.set(row * a.to_stride + i, a.logits.get(row * a.stride + i) * inverse - lse); });
}

}  // namespace he::cuda
