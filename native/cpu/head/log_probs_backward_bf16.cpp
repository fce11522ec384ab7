// Gradients of log_probs of a bf16 head, as log_probs_backward.cpp has them in float32: logits are recomputed tile by tile, dlogits rounded to bf16 once for each of
// its two products,
//   dhidden += dlogits W      (tiles in ascending order; in a tile the engine's order over its outputs)
//   dhead   += dlogits^T x    (the engine's order over the rows of the block)
//   traffic  for each block of 1024 rows: W read and its transpose written tile by tile, dhead (float32) read and written; dlogits of a tile stay in the caches
//   work     6 tokens vocabulary width operations, one exp a logit
#include "cpu/head/gradient.h"
#include "cpu/linear/linear_isa.h"
#include "cpu/narrow/narrow.h"

HE_ISA_BEGIN

static constexpr int64_t kRowBlock = 1024;  // of docs/numerics.md: rows whose weight gradients are one sum

void head_log_probs_backward_bf16(const Resources& r, const HeadInputs& in, const HeadGradients& g) {
  const Bf16Kernels& k = r.narrow.bf16;
  const int64_t most_rows = in.tokens < kRowBlock ? in.tokens : kRowBlock, panel = narrow_padded(in.width) * kNarrowPanel;
  // Pieces of the shared scratch, each on a cache line of its own.
  size_t length = 0;
  auto piece = [&length](size_t floats) {
    const size_t start = length;
    length += (floats + 15) / 16 * 16;
    return start;
  };
  const size_t gradient_at = piece(static_cast<size_t>(most_rows * kGradientStride));
  const size_t turned_at = piece(static_cast<size_t>(narrow_padded(in.width) * kVocabularyTile / 2));
  const size_t slices_at = piece(static_cast<size_t>(narrow_padded(most_rows) * kVocabularyTile / 2));
  const size_t hidden_rows_at = piece(k.rows_floats(most_rows, in.width)), hidden_columns_at = piece(k.rows_floats(in.width, most_rows));
  const size_t gradient_rows_at = piece(k.rows_floats(most_rows, kVocabularyTile));
  const size_t bias_slices_at = piece(g.d_bias != nullptr ? static_cast<size_t>(linear_slices_length(most_rows, kVocabularyTile)) : 0);
  r.scratch.reserve(0, length);
  float* const scratch = r.scratch.shared();
  float* const gradient = scratch + gradient_at;  // [rows, kGradientStride]
  float* const bias_slices = scratch + bias_slices_at;
  uint16_t* const turned = reinterpret_cast<uint16_t*>(scratch + turned_at);  // W of the tile, as [width, tile]
  uint16_t* const slices = reinterpret_cast<uint16_t*>(scratch + slices_at);  // gradient, as [tile, rows]

  for (int64_t block = 0; block < in.tokens; block += kRowBlock) {
    const int64_t rows = in.tokens - block < kRowBlock ? in.tokens - block : kRowBlock;
    const float* hidden = in.hidden + block * in.hidden_stride;
    const NarrowRows x{scratch + hidden_rows_at, rows, in.width, false}, x_columns{scratch + hidden_columns_at, in.width, rows, true};
    k.pack_rows_shared(r, hidden, in.hidden_stride, x);
    if (g.d_head != nullptr) k.pack_columns(r, hidden, in.hidden_stride, x_columns);
    for (int64_t first = 0; first < in.vocabulary; first += kVocabularyTile) {
      const int64_t columns = in.vocabulary - first < kVocabularyTile ? in.vocabulary - first : kVocabularyTile;
      const uint16_t* head = in.bf16 + first * narrow_padded(in.width);
      k.product_shared(r, x, {head, panel, gradient, kGradientStride, columns, in.bias != nullptr ? in.bias + first : nullptr, false});
      tile_to_gradient(r, in, g, block, rows, first, columns, gradient);

      const NarrowRows d{scratch + gradient_rows_at, rows, columns, false};
      k.pack_rows_shared(r, gradient, kGradientStride, d);
      k.transpose(r, head, columns, in.width, 0, in.width, turned);
      k.product_shared(r, d, {turned, narrow_padded(columns) * kNarrowPanel, g.d_hidden + block * g.d_hidden_stride, g.d_hidden_stride, in.width, nullptr, first > 0});

      if (g.d_head != nullptr) {
        k.pack_slices(r, gradient, kGradientStride, rows, columns, slices);
        k.weight_product(r, x_columns, slices, in.width, columns, g.d_head + first * in.width);
      }
      if (g.d_bias != nullptr) {
        linear_pack_slices(r, gradient, kGradientStride, rows, columns, bias_slices);
        linear_backward_bias_packed(r, bias_slices, rows, columns, g.d_bias + first);
      }
    }
  }
}

HE_ISA_END
