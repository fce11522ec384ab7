// The family's table, and the cache's write.
#include "cpu/attention/attention.h"

#include "cpu/attention/kernels.h"
#include "cpu/attention/tile.h"

HE_ISA_BEGIN

namespace {

int64_t padded_size(int64_t head_size) { return padded(head_size); }

void write(const KvCache& c, Heads k, Heads v, const int32_t* slots, int64_t token_begin, int64_t token_end) {
  const int64_t width = padded(c.head_size);
  for (int64_t t = token_begin; t < token_end; ++t) {
    if (slots[t] < 0) continue;
    const int64_t block = slots[t] / c.block_size, inside = slots[t] % c.block_size;
    for (int64_t h = 0; h < c.key_heads; ++h) {
      const float* key = k.data + t * k.stride + h * c.head_size;
      const float* value = v.data + t * v.stride + h * c.head_size;
      float* key_out =
          c.keys + (block * c.key_heads + h) * c.block_size * c.head_size + inside / kGroup * kGroup * c.head_size + inside % kGroup;
      float* value_out = c.values + ((block * c.key_heads + h) * c.block_size + inside) * width;
      for (int64_t d = 0; d < c.head_size; ++d) key_out[d * kGroup] = key[d];
      for_lanes(c.head_size, [&](int64_t d, int64_t n) { store(value_out + d, load_some(value + d, n)); });
    }
  }
}

}  // namespace

void fill(AttentionKernels&);
void fill(AttentionKernels& t) {
  t.padded_size = padded_size;
  t.packed = attention_packed;
  t.paged = attention_paged;
  t.forward_scratch = attention_forward_scratch;
  t.backward = attention_backward;
  t.backward_scratch = attention_backward_scratch;
  t.write = write;
}

HE_ISA_END
