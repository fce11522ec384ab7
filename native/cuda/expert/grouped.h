// Products of rows grouped by expert: each group's rows times its expert's weight, in the order and with the bits of the products in linear/. Contract: IExpertKernels.
#pragma once
#include "cuda/linear/linear.h"

namespace he::cuda {

/// Group e has rows row_offsets[e] .. row_offsets[e + 1] - 1 of x, dy and y, which the host need not know. T is float or bf16, as in ProductArguments.
template <class T>
struct GroupedArguments {
  Global<const int> row_offsets;                    ///< [experts + 1]
  Global<const unsigned long long> weights;         ///< [experts]: where each weight (or its gradient) lies
  Global<const T> a, b;                             ///< a = x (forward) or dy; b = x: weight gradient only
  Global<float> y;                                  ///< forward, input gradient; a row every y_stride
  long long a_stride, b_stride, w_stride, y_stride; ///< w_stride: of a weight's rows, in words where it has a format
  long long scales_at, minima_at;                   ///< bytes from a weight's beginning, where it has a format; 0: none
  int blocks;                                       ///< as in Weights
  int experts, rows, columns, inner;                ///< rows of all groups (weight gradient: of the result, outputs); columns of the result; inner: of forward and input gradient
};

// Tiles of 64 x 64. Forward, input: grid (ceil(rows / 64) + experts - 1, column tiles). Weight gradient, added to: grid (row tiles, column tiles, experts).
// Threads and shared memory as of the products with tiles of 64.
HE_KERNEL(128) grouped_bf16_forward(GroupedArguments<bf16> g);
HE_KERNEL(128) grouped_bf16_input(GroupedArguments<bf16> g);
HE_KERNEL(128) grouped_bf16_weight(GroupedArguments<bf16> g);
HE_KERNEL(kF32Threads) grouped_f32_input(GroupedArguments<float> g);
HE_KERNEL(kF32Threads) grouped_f32_weight(GroupedArguments<float> g);
#define HE_GROUPED_KERNELS(NAME, FORMAT) HE_KERNEL(kF32Threads) grouped_f32_forward_##NAME(GroupedArguments<float> g);
HE_WEIGHT_FORMATS(HE_GROUPED_KERNELS)
#undef HE_GROUPED_KERNELS

}  // namespace he::cuda
