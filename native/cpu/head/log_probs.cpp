// logp[t] = z[t, target] - lse[t], lse and entropy, a block of rows and a tile of the vocabulary at a time.
//   traffic  the head once for each block of rows (shared by threads through the last-level cache); the logits of a tile stay in L2
//   work     2 tokens vocabulary width operations, and two passes of exp over the logits in L2
#include "cpu/compact/compact_isa.h"
#include "cpu/compact/product.h"
#include "cpu/head/head_isa.h"
#include "cpu/head/logsumexp.h"
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/product.h"
#include "cpu/narrow/narrow.h"

HE_ISA_BEGIN

// Of a panel as the int8 product expands it, in whole cache lines.
static size_t panel_floats(const Resources& r, const HeadInputs& in) { return (r.narrow.int8.scratch_floats(in.width) + 15) / 16 * 16; }

// Floats that the operands of a block of rows need beside its logits: a panel of a compact head widened, or the hidden states rounded and packed.
static size_t operand_floats(const Resources& r, const HeadInputs& in, int64_t rows) {
  if (in.bf16 != nullptr) return r.narrow.bf16.rows_floats(rows, in.width);
  if (in.int8) return panel_floats(r, in) + r.narrow.int8.rows_floats(rows, in.width);
  return in.compact != nullptr ? compact_scratch(in.width) : 0;
}

// Logits of the rows of one block against one tile of the vocabulary, capped; [rows, kVocabularyTile]. A bf16 or int8 head finds the packed rows in `operands`.
static void tile_of_logits(const Resources& r, const HeadInputs& in, int64_t row, int64_t rows, int64_t first, int64_t columns, float* logits, float* operands) {
  Tile t{in.hidden + row * in.hidden_stride, in.hidden_stride, 1, nullptr, kPanel, in.width * kPanel, in.width, logits, kVocabularyTile, columns,
         in.bias != nullptr ? in.bias + first : nullptr, false};
  if (in.bf16 != nullptr) {
    const int64_t width = narrow_padded(in.width);
    r.narrow.bf16.product({operands, rows, in.width, false}, {in.bf16 + first * width, width * kNarrowPanel, logits, kVocabularyTile, columns, t.bias, false});
  } else if (in.int8) {
    r.narrow.int8.product(*in.compact, {operands + panel_floats(r, in), rows, in.width}, {first, columns, logits, kVocabularyTile, t.bias, false}, operands);
  } else if (in.compact != nullptr) {
    compact_product(*in.compact, first, t, rows, operands);
  } else {
    t.b = in.head + first * in.width;
    product(t, rows);
  }
  if (in.soft_cap > 0)
    for (int64_t i = 0; i < rows; ++i) cap_logits(logits + i * kVocabularyTile, columns, in.soft_cap);
}

void head_log_probs(const Resources& r, const HeadInputs& in, float* log_prob, float* log_sum_exp, float* entropy) {
  if (in.tokens <= 0) return;
  // A block's hidden states and logits fill three quarters of L2; blocks are equal, and a multiple of the threads.
  const int64_t row_bytes = (in.width + kVocabularyTile) * static_cast<int64_t>(sizeof(float));
  int64_t height = r.cache.l2 * 3 / 4 / row_bytes;
  if (height < kTileRows) height = kTileRows;
  const int64_t threads = r.pool.size();
  int64_t blocks = ((in.tokens + height - 1) / height + threads - 1) / threads * threads;
  if (blocks > in.tokens) blocks = in.tokens;
  height = (in.tokens + blocks - 1) / blocks;
  const int64_t sum_floats = height * static_cast<int64_t>(sizeof(RowSum) / sizeof(float));
  r.scratch.reserve(static_cast<size_t>(height * kVocabularyTile + sum_floats) + operand_floats(r, in, height));
  const float inverse_temperature = 1.0f / in.temperature;
  r.pool.parallel_for(blocks, [&](int64_t block, int worker) {
    const int64_t row = block * in.tokens / blocks, rows = (block + 1) * in.tokens / blocks - row;
    float* logits = r.scratch.of(worker);
    RowSum* sums = reinterpret_cast<RowSum*>(logits + height * kVocabularyTile);
    float* operands = logits + height * kVocabularyTile + sum_floats;
    if (in.bf16 != nullptr) r.narrow.bf16.pack_rows(in.hidden + row * in.hidden_stride, in.hidden_stride, {operands, rows, in.width, false});
    if (in.int8) r.narrow.int8.quantize(in.hidden + row * in.hidden_stride, in.hidden_stride, in.compact->type, {operands + panel_floats(r, in), rows, in.width});
    for (int64_t i = 0; i < rows; ++i) {
      sums[i] = row_sum_start();
      log_prob[row + i] = 0.0f;
    }
    for (int64_t first = 0; first < in.vocabulary; first += kVocabularyTile) {
      const int64_t columns = in.vocabulary - first < kVocabularyTile ? in.vocabulary - first : kVocabularyTile;
      tile_of_logits(r, in, row, rows, first, columns, logits, operands);
      for (int64_t i = 0; i < rows; ++i) {
        const float* z = logits + i * kVocabularyTile;
        if (entropy != nullptr) {
          row_sum_tile<true>(sums[i], z, columns, inverse_temperature);
        } else {
          row_sum_tile<false>(sums[i], z, columns, inverse_temperature);
        }
        const int64_t target = in.targets[row + i] - first;
        if (target >= 0 && target < columns) log_prob[row + i] = z[target] * inverse_temperature;
      }
    }
    for (int64_t i = 0; i < rows; ++i) {
      const float lse = row_log_sum_exp(sums[i]);
      log_sum_exp[row + i] = lse;
      if (in.targets[row + i] >= 0) log_prob[row + i] -= lse;
      if (entropy != nullptr) entropy[row + i] = row_entropy(sums[i], lse);
    }
  });
}

void head_logits(const Resources& r, const HeadInputs& in, float* y, int64_t y_stride) {
  if (in.bf16 != nullptr) {
    r.narrow.bf16.forward(r, in.hidden, in.hidden_stride, in.tokens, in.width, in.bf16, in.vocabulary, in.bias, y, y_stride, false);
  } else if (in.int8) {
    r.narrow.int8.forward(r, in.hidden, in.hidden_stride, in.tokens, *in.compact, in.bias, y, y_stride, false);
  } else if (in.compact != nullptr) {
    compact_forward(r, in.hidden, in.hidden_stride, in.tokens, *in.compact, in.bias, y, y_stride, false);
  } else {
    linear_forward(r, in.hidden, in.hidden_stride, in.tokens, in.width, in.head, in.vocabulary, in.bias, y, y_stride, false);
  }
  if (in.soft_cap > 0) r.pool.parallel_for(in.tokens, [&](int64_t row) { cap_logits(y + row * y_stride, in.vocabulary, in.soft_cap); });
}

HE_ISA_END
