// Activations, gates and small element-wise operations. Contract: IActivationKernels. In float32 the CPU's bits.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

constexpr int kElementThreads = 256;
/// Elements of a block: four a thread.
constexpr int kElementsOfBlock = 4 * kElementThreads;

/// Rows of `width` elements, each operand's with a stride of its own; a block a piece of a row. Operands that the operation lacks are none. Kinds: 0 relu, 1 silu, 2 gelu, 3 gelu_tanh.
struct ActivationArguments {
  Global<const float> x;              ///< the activation's argument: x, or gate
  Global<const float> up, dy;
  Global<float> y, d_up;              ///< y: the result, or the gradient by x
  long long x_stride, up_stride, dy_stride, y_stride, d_up_stride;
  int width, kind;
};

// Grid: (ceil(width / kElementsOfBlock), rows). kElementThreads threads, no shared memory. Results may lie where an operand does.
HE_KERNEL(kElementThreads) activate_f32(ActivationArguments a);           ///< y = f(x)
HE_KERNEL(kElementThreads) activate_backward_f32(ActivationArguments a);  ///< y = dy f'(x)
HE_KERNEL(kElementThreads) gate_f32(ActivationArguments a);               ///< y = f(x) up
HE_KERNEL(kElementThreads) gate_backward_f32(ActivationArguments a);      ///< y = dy up f'(x), d_up = dy f(x)

/// y = alpha x + beta y, or (columns) y = scale x + offset.
struct ScaleArguments {
  Global<const float> x, scale, offset;  ///< scale, offset [width]: columns only; offset may be none
  Global<float> y;
  long long x_stride, y_stride;
  int width;
  float alpha, beta;
};

// As above. With beta 0 the old y is not read.
HE_KERNEL(kElementThreads) axpby_f32(ScaleArguments a);
HE_KERNEL(kElementThreads) scale_columns_f32(ScaleArguments a);

}  // namespace he::cuda
