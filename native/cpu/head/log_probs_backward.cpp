// Gradients of log_probs. Logits are recomputed, tile by tile of the vocabulary; of each tile, dlogits lives in scratch for all rows of a block, then
//   dhidden += dlogits W      (tiles in ascending order; in a tile the linear rule over its outputs)
//   dhead   += dlogits^T x    (the linear rule over the rows of the block)
// so that both are the same whatever the threads.
//   work     6 tokens vocabulary width operations, one exp a logit
#include "cpu/head/head_isa.h"
#include "cpu/head/logsumexp.h"
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/product.h"

HE_ISA_BEGIN

static constexpr int64_t kRowBlock = 4096;                   // of docs/numerics.md: rows whose weight gradients are summed by one tree
static constexpr int64_t kGradientStride = kVocabularyTile + 16;  // not a power of two: rows that are read together lie in different cache sets

// What the gradient of one row needs beside its logits.
struct RowGradient {
  float log_sum_exp, entropy, d_log_prob, d_log_sum_exp, d_entropy;
};

static RowGradient row_gradient(const HeadInputs& in, const HeadGradients& g, int64_t t) {
  const bool chosen = in.targets[t] >= 0 && g.d_log_prob != nullptr;
  return {g.log_sum_exp[t], g.d_entropy != nullptr ? g.entropy[t] : 0.0f, chosen ? g.d_log_prob[t] : 0.0f, g.d_log_sum_exp != nullptr ? g.d_log_sum_exp[t] : 0.0f,
          g.d_entropy != nullptr ? g.d_entropy[t] : 0.0f};
}

// Logits (capped) to dlogits, in place. target: in the tile, or outside of [0, columns).
static void logits_to_gradient(float* logits, int64_t columns, const RowGradient& g, int64_t target, float inverse_temperature, float soft_cap) {
  const V16 scale = splat(inverse_temperature), lse = splat(g.log_sum_exp), entropy = splat(g.entropy), d_entropy = splat(g.d_entropy);
  const V16 base = splat(g.d_log_sum_exp - g.d_log_prob), cap = splat(soft_cap), one = splat(1.0f);
  float lanes[kLanes];
  for (int64_t v = 0; v < columns; v += kLanes) {
    const int64_t n = columns - v < kLanes ? columns - v : kLanes;
    const V16 logit = load_n(logits + v, n), z = logit * scale, p = exp(z - lse);
    V16 weight = base;
    if (g.d_entropy != 0.0f) weight = weight - d_entropy * (finite_from_below(z) - lse + entropy);
    V16 d = p * weight;
    if (target >= v && target < v + kLanes) {
      store(lanes, d);
      lanes[target - v] += g.d_log_prob;
      d = load(lanes);
    }
    d = d * scale;
    if (soft_cap > 0) {
      const V16 t = logit / cap;
      d = d * (one - t * t);
    }
    store_n(logits + v, d, n);
  }
}

void head_log_probs_backward(const Resources& r, const HeadInputs& in, const HeadGradients& g) {
  if (in.tokens <= 0) return;
  const int64_t block_rows = in.tokens < kRowBlock ? in.tokens : kRowBlock;
  const int64_t transposed_size = (in.width + kPanel - 1) / kPanel * kPanel * kVocabularyTile;
  const int64_t slices_size = linear_slices_length(block_rows, kVocabularyTile);
  r.scratch.reserve(0, static_cast<size_t>(block_rows * kGradientStride + transposed_size + slices_size + linear_columns_length(block_rows, in.width)));
  float* gradient = r.scratch.shared();  // [rows, kGradientStride]
  float* transposed = gradient + block_rows * kGradientStride;  // W of the tile
  float* slices = transposed + transposed_size;                 // gradient by panels
  float* packed = slices + slices_size;                         // columns of the block's hidden states
  const float inverse_temperature = 1.0f / in.temperature;
  constexpr int64_t kTaskRows = 2 * kTileRows;

  for (int64_t block = 0; block < in.tokens; block += kRowBlock) {
    const int64_t rows = in.tokens - block < kRowBlock ? in.tokens - block : kRowBlock;
    const float* hidden = in.hidden + block * in.hidden_stride;
    if (g.d_head != nullptr) linear_pack_columns(r, hidden, in.hidden_stride, rows, in.width, packed);
    for (int64_t first = 0; first < in.vocabulary; first += kVocabularyTile) {
      const int64_t columns = in.vocabulary - first < kVocabularyTile ? in.vocabulary - first : kVocabularyTile;
      const float* head = in.head + first * in.width;
      linear_forward(r, hidden, in.hidden_stride, rows, in.width, head, columns, in.bias != nullptr ? in.bias + first : nullptr, gradient, kGradientStride, false);
      r.pool.parallel_for((rows + kTaskRows - 1) / kTaskRows, [&](int64_t task) {
        const int64_t end = (task + 1) * kTaskRows < rows ? (task + 1) * kTaskRows : rows;
        for (int64_t i = task * kTaskRows; i < end; ++i) {
          float* logits = gradient + i * kGradientStride;
          if (in.soft_cap > 0) cap_logits(logits, columns, in.soft_cap);
          logits_to_gradient(logits, columns, row_gradient(in, g, block + i), in.targets[block + i] - first, inverse_temperature, in.soft_cap);
        }
      });
      linear_transpose(r, head, columns, in.width, 0, in.width, transposed);
      linear_forward(r, gradient, kGradientStride, rows, columns, transposed, in.width, nullptr, g.d_hidden + block * g.d_hidden_stride, g.d_hidden_stride, first > 0);
      if (g.d_head == nullptr && g.d_bias == nullptr) continue;
      linear_pack_slices(r, gradient, kGradientStride, rows, columns, slices);
      if (g.d_head != nullptr) linear_backward_weight_packed(r, packed, in.width, slices, rows, in.width, columns, g.d_head + first * in.width);
      if (g.d_bias != nullptr) linear_backward_bias_packed(r, slices, rows, columns, g.d_bias + first);
    }
  }
}

HE_ISA_END
