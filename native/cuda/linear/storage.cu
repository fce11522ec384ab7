// Traffic: every element read and written once (LoRA: and rank elements of a for every one of w, from the caches).
#include "cuda/linear/storage.h"

namespace he::cuda {
namespace {

HE_GPU int first_column() { return static_cast<int>(block_y()) * kStorageColumns + 4 * static_cast<int>(thread()); }

// HALVES float16 at a block's head, then WORDS of two bytes; FLIP turns signed bytes into those 128 greater.
template <int HALVES, int WORDS, unsigned FLIP>
HE_GPU void pack(const PackBlocksArguments& a) {
  const long long block = static_cast<long long>(block_x()) * kStorageThreads + thread();
  if (block >= a.blocks) return;
  const Global<const unsigned short> from = a.from + block * (HALVES + WORDS);
  a.scales.set(block, from.get(0));
  if (HALVES == 2) a.minima.set(block, from.get(1));
  HE_UNROLL
  for (int i = 0; i < WORDS; ++i) a.data.set(block * WORDS + i, static_cast<unsigned short>(from.get(HALVES + i) ^ FLIP));
}

}  // namespace

HE_KERNEL(kStorageThreads) narrow_operand_bf16(OperandArguments a) {
  const long long row = block_x();
  const int i = first_column();
  if (i >= a.to_stride) return;
  // Beyond the row's end get_four gives zeros, element by element.
  const bool vectors = i + 4 <= a.width && in_vectors(a.from, a.from_stride, 4);
  set_vector(a.to, row * a.to_stride + i, get_four(a.from + row * a.from_stride, i, a.width, vectors));
}

HE_KERNEL(kStorageThreads) merge_lora_f32(MergeLoraArguments a) {
  const long long output = block_x();
  const int i = first_column();
  if (i >= a.inputs) return;
  const bool vectors = in_vectors(a.w, a.w_stride, a.inputs) && in_vectors(a.to, a.w_stride, a.inputs) && in_vectors(a.a, a.a_stride, a.inputs);
  Four sum = {{0.0f, 0.0f, 0.0f, 0.0f}};
  for (int r = 0; r < a.rank; ++r) {
    const float b = a.b.get(output * a.b_stride + r);
    const Four x = get_four(a.a + r * a.a_stride, i, a.inputs, vectors);
    HE_UNROLL
    for (int j = 0; j < 4; ++j) sum.v[j] = fma(b, x.v[j], sum.v[j]);
  }
  Four w = get_four(a.w + output * a.w_stride, i, a.inputs, vectors);
  HE_UNROLL
  for (int j = 0; j < 4; ++j) w.v[j] = fma(a.scale, sum.v[j], w.v[j]);
  set_four(a.to + output * a.w_stride, i, a.inputs, vectors, w);
}

HE_KERNEL(kStorageThreads) pack_blocks_q8(PackBlocksArguments a) { pack<1, 16, 0x8080u>(a); }
HE_KERNEL(kStorageThreads) pack_blocks_q4(PackBlocksArguments a) { pack<1, 8, 0u>(a); }
HE_KERNEL(kStorageThreads) pack_blocks_q4_1(PackBlocksArguments a) { pack<2, 8, 0u>(a); }

}  // namespace he::cuda
