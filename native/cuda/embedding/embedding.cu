// A block has four columns a thread of one token's row. Traffic: every element once.
// Gradients, with neither atomics nor sorting: the block of a row's first token in the batch adds all tokens of that row, ascending; the others find that they are not the first and end.
// A block looks at the ids before its token, and a first one at those behind it, 32 at once in every warp: count^2 / 2 ids read from the caches, 32 MiB for 4096 tokens.
#include "cuda/embedding/embedding.h"

namespace he::cuda {
namespace {

HE_GPU int clamp_row(long long row, int limit) { return row < 0 ? 0 : row < limit ? static_cast<int>(row) : limit - 1; }

HE_GPU int first_column() { return static_cast<int>(block_y()) * kEmbedColumns + 4 * static_cast<int>(thread()); }

template <class Format>
HE_GPU void embed(const EmbedArguments& a) {
  const long long token = block_x();
  const int i = first_column();
  if (i >= a.width) return;
  const int row = clamp_row((a.ids ? a.ids.get(token) : token) + a.offset, a.vocabulary);
  const bool vectors = in_vectors(a.y, a.y_stride, a.width);
  const Global<float> y = a.y + token * a.y_stride;
  Four x = weight_values<Format>(a.table, row, i);
  HE_UNROLL
  for (int j = 0; j < 4; ++j) x.v[j] *= a.scale;
  if (a.accumulate) {
    const Four old = get_four(static_cast<Global<const float>>(y), i, a.width, vectors);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) x.v[j] += old.v[j];
  }
  set_four(y, i, a.width, vectors, x);
}

// The row that a token's gradient goes to; -1 behind the last.
HE_GPU int target(const RowsArguments& a, int token) { return token < a.count ? clamp_row(static_cast<long long>(a.rows.get(token)) + a.offset, a.limit) : -1; }

}  // namespace

#define HE_EMBED_KERNELS(NAME, FORMAT) \
  HE_KERNEL(kEmbedThreads) embed_##NAME(EmbedArguments a) { embed<FORMAT>(a); }
HE_WEIGHT_FORMATS(HE_EMBED_KERNELS)

HE_KERNEL(kEmbedThreads) gather_rows_f32(RowsArguments a) {
  const long long token = block_x();
  const int i = first_column();
  if (i >= a.width) return;
  const bool vectors = in_vectors(a.x, a.x_stride, a.width) && in_vectors(a.y, a.y_stride, a.width);
  set_four(a.y + token * a.y_stride, i, a.width, vectors, get_four(a.x + clamp_row(a.rows.get(token), a.limit) * a.x_stride, i, a.width, vectors));
}

HE_KERNEL(kEmbedThreads) scatter_add_rows_f32(RowsArguments a) {
  const int token = static_cast<int>(block_x()), row = target(a, token), l = static_cast<int>(lane());
  for (int first = 0; first < token; first += kWarp)
    if (vote(first + l < token && target(a, first + l) == row)) return;
  const int i = first_column();
  const bool vectors = in_vectors(a.x, a.x_stride, a.width) && in_vectors(a.y, a.y_stride, a.width);
  const Global<float> y = a.y + row * a.y_stride;
  Four sum = {{0.0f, 0.0f, 0.0f, 0.0f}};
  if (i < a.width) sum = get_four(static_cast<Global<const float>>(y), i, a.width, vectors);
  for (int first = token; first < a.count; first += kWarp) {
    unsigned same = vote(target(a, first + l) == row);
    for (int t = first; same; ++t, same >>= 1) {
      if (!(same & 1u) || i >= a.width) continue;
      const Four x = get_four(a.x + t * a.x_stride, i, a.width, vectors);
      HE_UNROLL
      for (int j = 0; j < 4; ++j) sum.v[j] += a.scale * x.v[j];
    }
  }
  if (i < a.width) set_four(y, i, a.width, vectors, sum);
}

}  // namespace he::cuda
