// Rows of one floating-point type to another.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

/// Rows begin every stride elements; from and to share nothing.
template <class From, class To>
struct CastArguments {
  Global<const From> from;   ///< [rows, width]
  Global<To> to;             ///< [rows, width]
  long long from_stride, to_stride;
  int width;
};

constexpr int kCastThreads = 128;

/// Grid: (rows, ceil(width / kCastColumns)). No shared memory. To bf16: nearest, ties to even.
constexpr int kCastColumns = 4 * kCastThreads;
HE_KERNEL(kCastThreads) cast_f32_bf16(CastArguments<float, bf16> a);
HE_KERNEL(kCastThreads) cast_bf16_f32(CastArguments<bf16, float> a);

}  // namespace he::cuda
