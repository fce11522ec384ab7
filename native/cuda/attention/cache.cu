// A block a token (a warp a head), a block a cache block. Traffic: every element read and written once. int8: scale = max |x| / 127 of a head, the nearest integers to x / scale,
// ties to even: the CPU's operations in its order, so its bits.
#include "cuda/attention/cache.h"

#include "cuda/dialect/rows.h"

namespace he::cuda {
namespace {

HE_GPU void write_int8(Global<float> block, const WriteCacheArguments& a, int row, Global<const float> x) {
  const int padded = (a.head_size + 3) / 4 * 4;
  const Global<unsigned> words = {reinterpret_cast<unsigned*>(block.at)};
  float top = 0.0f;
  bool spoiled = false;
  for (int i = static_cast<int>(lane()); i < a.head_size; i += kWarp) {
    const float v = x.get(i), size = v < 0 ? -v : v;
    spoiled |= !(size < bits_to_float(0x7f800000u));
    top = maximum(top, size);
  }
  for (unsigned distance = 16; distance; distance /= 2) {
    top = maximum(top, shuffle_xor(top, distance));
    spoiled |= shuffle_xor(spoiled ? 1u : 0u, distance) != 0;
  }
  const float scale = spoiled ? bits_to_float(0x7fc00000u) : divide(top, 127.0f);
  for (int i = 4 * static_cast<int>(lane()); i < padded; i += 4 * kWarp) {
    unsigned word = 0;
    HE_UNROLL
    for (int j = 0; j < 4; ++j) {
      const float v = i + j < a.head_size && scale > 0 ? round_nearest(divide(x.get(i + j), scale)) : 0.0f;
      const float q = v > 127.0f ? 127.0f : v < -127.0f ? -127.0f : v;
      word |= (static_cast<unsigned>(static_cast<int>(q)) & 0xffu) << (8 * j);
    }
    words.set(static_cast<long long>(row) * (padded / 4) + i / 4, word);
  }
  if (lane() == 0) block.set(static_cast<long long>(a.key_heads) * a.block_size * (padded / 4) + row, scale);
}

}  // namespace

HE_KERNEL(kWriteCacheThreads) write_cache(WriteCacheArguments a) {
  const long long token = block_x();
  const int slot = a.slots.get(token);
  if (slot < 0) return;
  const bool values = block_y() == 1;
  const Global<const float> x = values ? a.v + token * a.v_stride : a.k + token * a.k_stride;
  const Global<float> block = (values ? a.values : a.keys) + slot / a.block_size * (cache_block_bytes(a.type, a.key_heads, a.block_size, a.head_size) / 4);
  for (int head = static_cast<int>(warp()); head < a.key_heads; head += kWriteCacheThreads / kWarp) {
    const int row = head * a.block_size + slot % a.block_size;
    if (a.type == kInt8Keys) {
      write_int8(block, a, row, x + head * a.head_size);
      continue;
    }
    for (int i = static_cast<int>(lane()); i < a.head_size; i += kWarp) {
      const float v = x.get(head * a.head_size + i);
      const long long to = static_cast<long long>(row) * a.head_size + i;
      if (a.type == kBf16Keys) Global<bf16>{reinterpret_cast<bf16*>(block.at)}.set(to, narrow(v));
      else block.set(to, v);
    }
  }
}

HE_KERNEL(kWriteCacheThreads) copy_blocks(CopyBlocksArguments a) {
  const Global<float> cache = block_y() == 1 ? a.values : a.keys;
  const long long from = a.sources.get(block_x()) * a.words, to = a.destinations.get(block_x()) * a.words;
  if (from == to) return;
  for (long long i = thread(); i < a.words; i += kWriteCacheThreads) cache.set(to + i, cache.get(from + i));
}

}  // namespace he::cuda
