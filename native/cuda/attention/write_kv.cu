// A block a token, sixteen bytes a thread. Traffic: every element read and written once.
#include "cuda/attention/write_kv.h"

namespace he::cuda {

HE_KERNEL(kWriteKvThreads) write_kv_bf16(WriteKvArguments a) {
  const long long token = block_x();
  const int slot = a.slots.get(token);
  if (slot < 0) return;
  const long long block = slot / a.block_size, position = slot % a.block_size;
  for (int i = 8 * static_cast<int>(thread()); i < a.key_heads * a.head_size; i += 8 * kWriteKvThreads) {
    const int head = i / a.head_size, element = i % a.head_size;
    const long long to = ((block * a.key_heads + head) * a.block_size + position) * a.head_size + element;
    a.keys.set_as<Words>(to, a.k.get_as<Words>(token * a.k_stride + i));
    a.values.set_as<Words>(to, a.v.get_as<Words>(token * a.v_stride + i));
  }
}

}  // namespace he::cuda
