// One layer's cache: where the keys and values of a group of 16 positions lie, and their values in float32.
//   layout   per block and head: keys [position / 16][d][position % 16], so that scores vectorise over keys; values [position][d], d padded to whole
//            vectors; with int8 each is followed by the positions' scales [block_size]
//   values   bf16: rounded to nearest even when written; int8: x = scale * q, scale = max |x| / 127 over a position's head, q = x / scale to the nearest
//            integer (ties to even), |q| <= 127. What attention reads is that value, rounded once
#pragma once
#include "cpu/attention/tile.h"
#include "cpu/simd/bf16.h"

HE_ISA_BEGIN

#if defined(__AVX512F__)
static inline V16 load_int8(const int8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
#elif defined(__AVX2__)
static inline V16 load_int8(const int8_t* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
}
#else
static inline V16 load_int8(const int8_t* p) {
  V16 a;
  for (int i = 0; i < kLanes; ++i) a.v[i] = p[i];
  return a;
}
#endif

static inline int64_t element_bytes(KvType type) {
  return type == KvType::kFloat32 ? int64_t{sizeof(float)} : type == KvType::kBFloat16 ? int64_t{sizeof(uint16_t)} : int64_t{1};
}
static inline int64_t scale_bytes(KvType type, int64_t block_size) { return type == KvType::kInt8 ? block_size * int64_t{sizeof(float)} : 0; }

// Bytes of one head in one block.
static inline int64_t key_bytes(KvType type, int64_t block_size, int64_t head_size) {
  return block_size * head_size * element_bytes(type) + scale_bytes(type, block_size);
}
static inline int64_t value_bytes(KvType type, int64_t block_size, int64_t head_size) {
  return block_size * padded(head_size) * element_bytes(type) + scale_bytes(type, block_size);
}

// A head's part of a block.
struct KvPart {
  char *keys, *values;
};
static inline KvPart part_of(const KvCache& c, int64_t block, int64_t head) {
  const int64_t index = block * c.key_heads + head;
  return {c.keys + index * key_bytes(c.type, c.block_size, c.head_size), c.values + index * value_bytes(c.type, c.block_size, c.head_size)};
}
static inline float* key_scales(const KvCache& c, const KvPart& part) { return reinterpret_cast<float*>(part.keys + c.block_size * c.head_size); }
static inline float* value_scales(const KvCache& c, const KvPart& part) { return reinterpret_cast<float*>(part.values + c.block_size * padded(c.head_size)); }

// Keys of the group at `inside` as [d][16] in float32: in place, or widened into `room`.
static inline const float* group_keys(const KvCache& c, const KvPart& part, int64_t inside, float* room) {
  const char* keys = part.keys + inside * c.head_size * element_bytes(c.type);
  if (c.type == KvType::kFloat32) return reinterpret_cast<const float*>(keys);
  const int64_t n = c.head_size * kGroup;
  if (c.type == KvType::kBFloat16) {
    for (int64_t i = 0; i < n; i += kLanes) store(room + i, load_bf16(reinterpret_cast<const uint16_t*>(keys) + i));
  } else {
    const V16 scale = load(key_scales(c, part) + inside);
    for (int64_t i = 0; i < n; i += kLanes) store(room + i, load_int8(reinterpret_cast<const int8_t*>(keys) + i) * scale);
  }
  return room;
}

// Values of the same group as [16][padded head size].
static inline const float* group_values(const KvCache& c, const KvPart& part, int64_t inside, float* room) {
  const int64_t width = padded(c.head_size), n = kGroup * width;
  const char* values = part.values + inside * width * element_bytes(c.type);
  if (c.type == KvType::kFloat32) return reinterpret_cast<const float*>(values);
  if (c.type == KvType::kBFloat16) {
    for (int64_t i = 0; i < n; i += kLanes) store(room + i, load_bf16(reinterpret_cast<const uint16_t*>(values) + i));
  } else {
    const float* scales = value_scales(c, part) + inside;
    for (int64_t j = 0; j < kGroup; ++j) {
      const V16 scale = splat(scales[j]);
      for (int64_t d = 0; d < width; d += kLanes) store(room + j * width + d, load_int8(reinterpret_cast<const int8_t*>(values) + j * width + d) * scale);
    }
  }
  return room;
}

HE_ISA_END
