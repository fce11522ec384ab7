// The family's table, and the cache's write.
#include "cpu/attention/attention.h"

#include "cpu/attention/cache.h"
#include "cpu/attention/kernels.h"

HE_ISA_BEGIN

namespace {

// A row of one head to 8 bits; returns its scale. A row that is not finite gets the scale NaN, so that it is read as NaN.
float quantize(const float* x, int64_t n, int8_t* q, int64_t step) {
  float top = 0;
  bool finite = true;
  for (int64_t i = 0; i < n; ++i) {
    const float a = fabsf(x[i]);
    finite = finite && a < __builtin_inff();
    top = a > top ? a : top;
  }
  const float scale = finite ? top / 127.0f : __builtin_nanf("");
  for (int64_t i = 0; i < n; ++i) {
    const float rounded = finite && scale > 0 ? nearbyintf(x[i] / scale) : 0.0f;
    q[i * step] = static_cast<int8_t>(rounded < -127.0f ? -127.0f : rounded > 127.0f ? 127.0f : rounded);
  }
  return scale;
}

void write_head(const KvCache& c, const KvPart& part, int64_t inside, const float* key, const float* value) {
  const int64_t size = c.head_size, width = padded(size), key_at = inside / kGroup * kGroup * size + inside % kGroup, value_at = inside * width;
  if (c.type == KvType::kFloat32) {
    float *keys = reinterpret_cast<float*>(part.keys) + key_at, *values = reinterpret_cast<float*>(part.values) + value_at;
    for (int64_t d = 0; d < size; ++d) keys[d * kGroup] = key[d];
    for_lanes(size, [&](int64_t d, int64_t n) { store(values + d, load_some(value + d, n)); });
  } else if (c.type == KvType::kBFloat16) {
    uint16_t *keys = reinterpret_cast<uint16_t*>(part.keys) + key_at, *values = reinterpret_cast<uint16_t*>(part.values) + value_at;
    for (int64_t d = 0; d < size; ++d) keys[d * kGroup] = to_bf16(key[d]);
    for_lanes(size, [&](int64_t d, int64_t n) { store_bf16(values + d, load_some(value + d, n)); });
  } else {
    int8_t *keys = reinterpret_cast<int8_t*>(part.keys) + key_at, *values = reinterpret_cast<int8_t*>(part.values) + value_at;
    key_scales(c, part)[inside] = quantize(key, size, keys, kGroup);
    value_scales(c, part)[inside] = quantize(value, size, values, 1);
    memset(values + size, 0, static_cast<size_t>(width - size));
  }
}

void write(const KvCache& c, Heads k, Heads v, const int32_t* slots, int64_t token_begin, int64_t token_end) {
  for (int64_t t = token_begin; t < token_end; ++t) {
    if (slots[t] < 0) continue;
    for (int64_t h = 0; h < c.key_heads; ++h)
      write_head(c, part_of(c, slots[t] / c.block_size, h), slots[t] % c.block_size, k.data + t * k.stride + h * c.head_size,
                 v.data + t * v.stride + h * c.head_size);
  }
}

}  // namespace

void fill(AttentionKernels&);
void fill(AttentionKernels& t) {
  t.key_bytes = key_bytes;
  t.value_bytes = value_bytes;
  t.packed = attention_packed;
  t.paged = attention_paged;
  t.part_floats = attention_part_floats;
  t.paged_part = attention_paged_part;
  t.paged_join = attention_paged_join;
  t.forward_scratch = attention_forward_scratch;
  t.backward = attention_backward;
  t.backward_scratch = attention_backward_scratch;
  t.write = write;
}

HE_ISA_END
