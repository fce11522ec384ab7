// Gradients of log_probs. Logits are recomputed, tile by tile of the vocabulary; of each tile, dlogits lives in scratch for all rows of a block, then
//   dhidden += dlogits W      (tiles in ascending order; in a tile the linear rule over its outputs)
//   dhead   += dlogits^T x    (the linear rule over the rows of the block)
// so that both are the same whatever the threads.
//   work     6 tokens vocabulary width operations, one exp a logit
#include "cpu/head/gradient.h"
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/product.h"

HE_ISA_BEGIN

static constexpr int64_t kRowBlock = 4096;                   // of docs/numerics.md: rows whose weight gradients are summed by one tree

void head_log_probs_backward(const Resources& r, const HeadInputs& in, const HeadGradients& g) {
  if (in.tokens <= 0) return;
  if (in.bf16 != nullptr) return head_log_probs_backward_bf16(r, in, g);
  const int64_t block_rows = in.tokens < kRowBlock ? in.tokens : kRowBlock;
  const int64_t transposed_size = (in.width + kPanel - 1) / kPanel * kPanel * kVocabularyTile;
  const int64_t slices_size = linear_slices_length(block_rows, kVocabularyTile);
  r.scratch.reserve(0, static_cast<size_t>(block_rows * kGradientStride + transposed_size + slices_size + linear_columns_length(block_rows, in.width)));
  float* gradient = r.scratch.shared();  // [rows, kGradientStride]
  float* transposed = gradient + block_rows * kGradientStride;  // W of the tile
  float* slices = transposed + transposed_size;                 // gradient by panels
  float* packed = slices + slices_size;                         // columns of the block's hidden states

  for (int64_t block = 0; block < in.tokens; block += kRowBlock) {
    const int64_t rows = in.tokens - block < kRowBlock ? in.tokens - block : kRowBlock;
    const float* hidden = in.hidden + block * in.hidden_stride;
    if (g.d_head != nullptr) linear_pack_columns(r, hidden, in.hidden_stride, rows, in.width, packed);
    for (int64_t first = 0; first < in.vocabulary; first += kVocabularyTile) {
      const int64_t columns = in.vocabulary - first < kVocabularyTile ? in.vocabulary - first : kVocabularyTile;
      const float* head = in.head + first * in.width;
      linear_forward(r, hidden, in.hidden_stride, rows, in.width, head, columns, in.bias != nullptr ? in.bias + first : nullptr, gradient, kGradientStride, false);
      tile_to_gradient(r, in, g, block, rows, first, columns, gradient);
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
