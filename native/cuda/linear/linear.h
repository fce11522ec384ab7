// Products with weight matrices: y = x W^T, dx = dy W, dW = dy^T x. Contract: ILinearKernels. Order of sums: docs/numerics.md, "CUDA".
#pragma once
#include "cuda/linear/weights.h"

namespace he::cuda {

/// The inner dimension is summed in chunks from its beginning, each from zero, added ascending.
constexpr int kInnerChunk = 256;

/// Where a product's result goes: y[r, c] = sum + bias[c] + y_old[r, c].
struct Result {
  Global<float> y;             ///< [rows, columns], a row every `stride`
  Global<const float> bias;    ///< [columns], or none
  long long stride;
  int rows, columns;
  int accumulate;              ///< 0: y_old plays no part

  HE_GPU void store(int r, int c, float sum) const {
    const long long at = r * stride + c;
    if (bias) sum += bias.get(c);
    if (accumulate) sum += y.get(at);
    y.set(at, sum);
  }
};

/// y[r, c] = sum over i of a(r, i) b(c, i). How a and b lie is the kernel's: "rows" means [outer, inner], "columns" [inner, outer].
/// bf16: addresses are multiples of 16 bytes, strides of 8 elements, and a row's elements from its end to the next multiple of 8 are zeros.
template <class T>
struct ProductArguments {
  Global<const T> a, b;
  long long a_stride, b_stride;
  Result result;
  int inner;
};

// Tiles of 128 x 128 results (256 threads) and of 64 x 64 (128 threads): the same bits. Grid: (row tiles, column tiles).
//   forward  a = x, b = W, both in rows    input gradient  a = dy in rows, b = W in columns    weight gradient  a = dy, b = x, both in columns
constexpr int kBf16Step = 32, kBf16Stages = 4;
HE_BOTH constexpr int product_threads(int tile) { return tile == 128 ? 256 : 128; }
/// Shared memory of a bf16 product's block: four stages of both operands.
HE_BOTH constexpr int product_bf16_shared(int tile, bool a_in_rows, bool b_in_rows) {
  const int rows = tile * (kBf16Step + 8), columns = kBf16Step * (tile + 8);
  return kBf16Stages * 2 * ((a_in_rows ? rows : columns) + (b_in_rows ? rows : columns));
}
#define HE_PRODUCT_KERNELS(TILE, THREADS)                                                    \
  HE_KERNEL(THREADS) product_bf16_forward_##TILE(ProductArguments<bf16> p);                  \
  HE_KERNEL(THREADS) product_bf16_input_##TILE(ProductArguments<bf16> p);                    \
  HE_KERNEL(THREADS) product_bf16_weight_##TILE(ProductArguments<bf16> p);
HE_PRODUCT_KERNELS(64, 128)
HE_PRODUCT_KERNELS(128, 256)
#undef HE_PRODUCT_KERNELS

/// Few rows times a bf16 weight: x is float32 and rounded as it is read. The bits of the tiles.
struct FewRowsBf16Arguments {
  Global<const float> x;        ///< [rows, inner]
  Global<const bf16> w;         ///< [columns, inner], as b above
  long long x_stride, w_stride;
  Result result;
  int inner;
};

constexpr int kFewRowsWarps = 8, kFewRowsColumns = 16, kFewRows = 16;
constexpr int kFewRowsStride = kInnerChunk + 8;
/// Weights of a chunk for every warp, and what the warps have summed.
constexpr int kFewRowsShared = kFewRowsWarps * (kFewRowsColumns * kFewRowsStride * 2 + kFewRows * kFewRowsColumns * 4);

/// Grid: (ceil(columns / kFewRowsColumns), ceil(rows / kFewRows)); kFewRowsWarps * 32 threads.
HE_KERNEL(kFewRowsWarps * 32) product_bf16_few_rows(FewRowsBf16Arguments p);

/// y = x W^T in float32, W of any format. x and y have any stride and address; inputs fill whole blocks where the format has them.
struct Float32ForwardArguments {
  Global<const float> x;        ///< [rows, inner]
  Weights w;                    ///< [columns, inner]
  long long x_stride;
  Result result;
  int inner;
};

// Float32 products: tiles of 64 x 64 and 128 x 128 results (compact weights: 64), 256 threads; grid (row tiles, column tiles). Operands as in bf16, of any stride and address.
// Few rows: grid (ceil(columns / kFewRowsColumns), ceil(rows / R)), R the 1 or 8 of the name; kFewRowsF32Threads. All give the same bits.
constexpr int kF32Threads = 256, kF32Step = 16;
/// Two stages of both operands.
HE_BOTH constexpr int product_f32_shared(int tile) { return 2 * 2 * kF32Step * (tile + 4) * 4; }
HE_KERNEL(kF32Threads) product_f32_input_64(ProductArguments<float> p);
HE_KERNEL(kF32Threads) product_f32_input_128(ProductArguments<float> p);
HE_KERNEL(kF32Threads) product_f32_weight_64(ProductArguments<float> p);
HE_KERNEL(kF32Threads) product_f32_weight_128(ProductArguments<float> p);
HE_KERNEL(kF32Threads) product_f32_forward_f32_128(Float32ForwardArguments p);

constexpr int kFewRowsF32Warps = 4, kFewRowsF32Threads = kFewRowsF32Warps * 32;
constexpr int kStageWords = 64, kStageStride = kStageWords + 4;  // of one column
/// Two stages of sixteen columns and two chunks for every warp, and what those have summed.
HE_BOTH constexpr int few_rows_f32_shared(int rows) { return kFewRowsF32Warps * 2 * kFewRowsColumns * (2 * kStageStride + rows) * 4; }

#define HE_FORWARD_KERNELS(NAME, FORMAT)                                                              \
  HE_KERNEL(kF32Threads) product_f32_forward_##NAME##_64(Float32ForwardArguments p);                  \
  HE_KERNEL(kFewRowsF32Threads) product_f32_few_rows_##NAME##_1(Float32ForwardArguments p);           \
  HE_KERNEL(kFewRowsF32Threads) product_f32_few_rows_##NAME##_8(Float32ForwardArguments p);
HE_WEIGHT_FORMATS(HE_FORWARD_KERNELS)
#undef HE_FORWARD_KERNELS

}  // namespace he::cuda
