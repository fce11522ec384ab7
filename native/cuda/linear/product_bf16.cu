// Products of bf16 matrices on tensor cores: y = x W^T, dx = dy W, dW = dy^T x, with float32 sums.
// Order: chunks of 256 inner elements, in each mma by sixteen ascending from zero; chunks ascending: a chunk's sum and the total are registers of their own.
// Work: 2 rows columns inner. Traffic: an operand is read once for every tile of the other's (128 or 64), from the second-level cache but for the first time.
#include "cuda/linear/tile_bf16.h"

namespace he::cuda {
namespace {

template <class Tile, int SIZE>
HE_GPU void product(const ProductArguments<bf16>& p) {
  Tile tile;
  tile.run(p, static_cast<int>(block_x()) * SIZE, static_cast<int>(block_y()) * SIZE);
}

}  // namespace

HE_KERNEL(128) product_bf16_forward_64(ProductArguments<bf16> p) { product<Tile64<true, true>, 64>(p); }
HE_KERNEL(128) product_bf16_input_64(ProductArguments<bf16> p) { product<Tile64<true, false>, 64>(p); }
HE_KERNEL(128) product_bf16_weight_64(ProductArguments<bf16> p) { product<Tile64<false, false>, 64>(p); }
HE_KERNEL(256) product_bf16_forward_128(ProductArguments<bf16> p) { product<Tile128<true, true>, 128>(p); }
HE_KERNEL(256) product_bf16_input_128(ProductArguments<bf16> p) { product<Tile128<true, false>, 128>(p); }
HE_KERNEL(256) product_bf16_weight_128(ProductArguments<bf16> p) { product<Tile128<false, false>, 128>(p); }

}  // namespace he::cuda
