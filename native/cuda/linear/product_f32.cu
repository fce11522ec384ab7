// Float32 products by multiply-adds: y = x W^T (W of any format, widened on the way), dx = dy W, dW = dy^T x.
// Order: chunks of 256 inner elements, in each one chain from zero; chunks ascending. What does not exist is zero, and fma(0, 0, a) is a.
// Work: 2 rows columns inner. Traffic: an operand once for every tile of the other's; the next stage is on its way in registers while this one is multiplied.
#include "cuda/linear/tile_f32.h"

namespace he::cuda {
namespace {

template <int S, class A, class B>
HE_GPU void product(const A& a, const B& b, const Result& result, int inner) {
  TileF32<S, A, B> tile;
  tile.run(a, b, result, inner, static_cast<int>(block_x()) * 16 * S, static_cast<int>(block_y()) * 16 * S);
}

template <int S, class Format>
HE_GPU void forward(const Float32ForwardArguments& p) {
  product<S>(InRows(p.x, p.x_stride, p.result.rows, p.inner), InFormat<Format>{p.w, p.result.columns, p.inner}, p.result, p.inner);
}

template <int S, class A, class B>
HE_GPU void backward(const ProductArguments<float>& p) {
  product<S>(A(p.a, p.a_stride, p.result.rows, p.inner), B(p.b, p.b_stride, p.result.columns, p.inner), p.result, p.inner);
}

}  // namespace

HE_KERNEL(kF32Threads) product_f32_input_64(ProductArguments<float> p) { backward<4, InRows, InColumns>(p); }
HE_KERNEL(kF32Threads) product_f32_input_128(ProductArguments<float> p) { backward<8, InRows, InColumns>(p); }
HE_KERNEL(kF32Threads) product_f32_weight_64(ProductArguments<float> p) { backward<4, InColumns, InColumns>(p); }
HE_KERNEL(kF32Threads) product_f32_weight_128(ProductArguments<float> p) { backward<8, InColumns, InColumns>(p); }

HE_KERNEL(kF32Threads) product_f32_forward_f32_128(Float32ForwardArguments p) { forward<8, Float32Format>(p); }
#define HE_FORWARD_KERNELS(NAME, FORMAT) \
  HE_KERNEL(kF32Threads) product_f32_forward_##NAME##_64(Float32ForwardArguments p) { forward<4, FORMAT>(p); }
HE_WEIGHT_FORMATS(HE_FORWARD_KERNELS)

}  // namespace he::cuda
