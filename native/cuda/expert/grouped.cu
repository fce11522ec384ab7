// A block finds its expert and tile of rows by walking the offsets: tiles of the experts before it, each group beginning a tile of its own.
// Work and traffic: those of the products, and at most a tile more for every expert.
#include "cuda/expert/grouped.h"

#include "cuda/linear/tile_bf16.h"
#include "cuda/linear/tile_f32.h"

namespace he::cuda {
namespace {

constexpr int kTile = 64;

struct Group {
  int expert, first, rows, first_row;  // first of all rows, how many, and this block's first one of them; expert < 0: none is left for this block
};

HE_GPU Group group_of_block(const Global<const int>& offsets, int experts, int rows) {
  int tile = static_cast<int>(block_x()), first = 0;
  for (int e = 0; e < experts; ++e) {
    int end = offsets.get(e + 1);
    end = end < first ? first : end < rows ? end : rows;
    const int tiles = (end - first + kTile - 1) / kTile;
    if (tile < tiles) return {e, first, end - first, tile * kTile};
    tile -= tiles;
    first = end;
  }
  return {-1, 0, 0, 0};
}

template <class T, class V>
HE_GPU Global<const V> weight_of(const GroupedArguments<T>& g, int expert) {
  return {reinterpret_cast<const V*>(g.weights.get(expert))};
}

template <class T>
HE_GPU Result result_of(const GroupedArguments<T>& g, const Group& group) {
  return {g.y + group.first * g.y_stride, {}, g.y_stride, group.rows, g.columns, 0};
}

// A gradient's operands and result: the sum runs over the group's rows.
template <class T>
HE_GPU ProductArguments<T> gradient(const GroupedArguments<T>& g) {
  const int expert = static_cast<int>(block_z());
  int first = g.row_offsets.get(expert), end = g.row_offsets.get(expert + 1);
  if (first < 0) first = 0;
  if (end < first) end = first;
  const Global<float> dw = {reinterpret_cast<float*>(g.weights.get(expert))};
  return {g.a + first * g.a_stride, g.b + first * g.b_stride, g.a_stride, g.b_stride, {dw, {}, g.w_stride, g.rows, g.columns, 1}, end - first};
}

template <bool B_IN_ROWS>
HE_GPU void product_bf16(const GroupedArguments<bf16>& g) {
  const Group group = group_of_block(g.row_offsets, g.experts, g.rows);
  if (group.expert < 0) return;
  const ProductArguments<bf16> p = {g.a + group.first * g.a_stride, weight_of<bf16, bf16>(g, group.expert), g.a_stride, g.w_stride, result_of(g, group), g.inner};
  Tile64<true, B_IN_ROWS> tile;
  tile.run(p, group.first_row, static_cast<int>(block_y()) * kTile);
}

template <class A, class B>
HE_GPU void run_f32(const A& a, const B& b, const Result& result, int inner, int first_row) {
  TileF32<4, A, B> tile;
  tile.run(a, b, result, inner, first_row, static_cast<int>(block_y()) * kTile);
}

template <class Format>
HE_GPU void forward_f32(const GroupedArguments<float>& g) {
  const Group group = group_of_block(g.row_offsets, g.experts, g.rows);
  if (group.expert < 0) return;
  const Global<const unsigned short> halves = weight_of<float, unsigned short>(g, group.expert);
  const Weights w = {weight_of<float, Word>(g, group.expert), halves + g.scales_at / 2, halves + g.minima_at / 2, g.w_stride, g.blocks};
  run_f32(InRows(g.a + group.first * g.a_stride, g.a_stride, group.rows, g.inner), InFormat<Format>{w, g.columns, g.inner}, result_of(g, group), g.inner, group.first_row);
}

}  // namespace

HE_KERNEL(128) grouped_bf16_forward(GroupedArguments<bf16> g) { product_bf16<true>(g); }
HE_KERNEL(128) grouped_bf16_input(GroupedArguments<bf16> g) { product_bf16<false>(g); }
HE_KERNEL(128) grouped_bf16_weight(GroupedArguments<bf16> g) {
  const ProductArguments<bf16> p = gradient(g);
  if (p.inner == 0) return;
  Tile64<false, false> tile;
  tile.run(p, static_cast<int>(block_x()) * kTile, static_cast<int>(block_y()) * kTile);
}

HE_KERNEL(kF32Threads) grouped_f32_input(GroupedArguments<float> g) {
  const Group group = group_of_block(g.row_offsets, g.experts, g.rows);
  if (group.expert < 0) return;
  run_f32(InRows(g.a + group.first * g.a_stride, g.a_stride, group.rows, g.inner), InColumns(weight_of<float, float>(g, group.expert), g.w_stride, g.columns, g.inner), result_of(g, group), g.inner,
          group.first_row);
}

HE_KERNEL(kF32Threads) grouped_f32_weight(GroupedArguments<float> g) {
  const ProductArguments<float> p = gradient(g);
  if (p.inner == 0) return;
  run_f32(InColumns(p.a, p.a_stride, p.result.rows, p.inner), InColumns(p.b, p.b_stride, p.result.columns, p.inner), p.result, p.inner, static_cast<int>(block_x()) * kTile);
}

#define HE_GROUPED_KERNELS(NAME, FORMAT) \
  HE_KERNEL(kF32Threads) grouped_f32_forward_##NAME(GroupedArguments<float> g) { forward_f32<FORMAT>(g); }
HE_WEIGHT_FORMATS(HE_GROUPED_KERNELS)

}  // namespace he::cuda
