// A block 512 columns of a row, four elements a thread. Traffic: every element read and written once.
#include "cuda/conversion/cast.h"

#include "cuda/dialect/rows.h"

namespace he::cuda {
namespace {

template <class From, class To>
HE_GPU void cast(const CastArguments<From, To>& a) {
  const long long row = block_x();
  const int i = static_cast<int>(block_y()) * kCastColumns + 4 * static_cast<int>(thread());
  if (i >= a.width) return;
  const bool vectors = in_vectors(a.from, a.from_stride, a.width) && in_vectors(a.to, a.to_stride, a.width);
  set_four(a.to + row * a.to_stride, i, a.width, vectors, get_four(a.from + row * a.from_stride, i, a.width, vectors));
}

}  // namespace

HE_KERNEL(kCastThreads) cast_f32_bf16(CastArguments<float, bf16> a) { cast(a); }
HE_KERNEL(kCastThreads) cast_bf16_f32(CastArguments<bf16, float> a) { cast(a); }

}  // namespace he::cuda
