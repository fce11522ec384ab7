// Rotary positions. Contract: IPositionKernels.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

/// T is float or bf16; the table is float32.
template <class T>
struct RotaryArguments {
  Global<T> x;                    ///< [tokens, heads, head_size], a token every token_stride, a head every head_stride; in place
  Global<const int> positions;    ///< [tokens]; one outside of the table takes the nearest row
  Global<const float> table;      ///< [table_rows, rotary]: rotary/2 cosines, then rotary/2 sines
  long long token_stride, head_stride;
  int heads, rotary, table_rows;
  int interleaved;                ///< 0: pairs (i, i + rotary/2); 1: (2i, 2i + 1)
  int inverse;                    ///< 1: by the negative angle, the backward
};

constexpr int kRotaryThreads = 128;

/// Grid: (tokens). No shared memory.
HE_KERNEL(kRotaryThreads) rotary_f32(RotaryArguments<float> a);
HE_KERNEL(kRotaryThreads) rotary_bf16(RotaryArguments<bf16> a);

}  // namespace he::cuda
