// Rows by index: of an embedding table in any format, of plain matrices, and their gradients. Contract: IEmbeddingKernels.
#pragma once
#include "cuda/linear/weights.h"

namespace he::cuda {

constexpr int kEmbedThreads = 128;
/// Columns of a block: four a thread.
constexpr int kEmbedColumns = 4 * kEmbedThreads;

/// y[t] = scale * table[ids[t] + offset], or y += that. Ids outside of the table take the nearest row. Without ids row t takes row t: a weight in its own format to plain float32 rows.
struct EmbedArguments {
  Global<const int> ids;        ///< [tokens], or none
  Weights table;                ///< [vocabulary, width]
  Global<float> y;              ///< [tokens, width]
  long long y_stride;
  int vocabulary, width, offset, accumulate;
  float scale;
};

// Grid: (tokens, ceil(width / kEmbedColumns)). kEmbedThreads threads, no shared memory.
#define HE_EMBED_KERNELS(NAME, FORMAT) HE_KERNEL(kEmbedThreads) embed_##NAME(EmbedArguments a);
HE_WEIGHT_FORMATS(HE_EMBED_KERNELS)
#undef HE_EMBED_KERNELS

/// y[i] = x[rows[i]] (gather), or y[rows[i] + offset] += scale * x[i], i ascending for every row of y (scatter). Rows outside take the nearest.
struct RowsArguments {
  Global<const float> x;
  Global<const int> rows;       ///< [count]
  Global<float> y;
  long long x_stride, y_stride;
  int count, limit;             ///< limit: rows of x (gather) or of y (scatter)
  int width, offset;
  float scale;
};

// Grid and threads as above, `count` tokens.
HE_KERNEL(kEmbedThreads) gather_rows_f32(RowsArguments a);
HE_KERNEL(kEmbedThreads) scatter_add_rows_f32(RowsArguments a);

}  // namespace he::cuda
