// destination[c][r] = source[r][c] in blocks of 16 x 16: what packing and the input gradient are made of.
#pragma once
#include "cpu/simd/v16.h"

HE_ISA_BEGIN

#if defined(__AVX512F__)
static inline void transpose16(const float* source, int64_t source_stride, float* destination, int64_t destination_stride) {
  __m512 r[16], t[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_ps(source + i * source_stride);
  // Pairs of rows, then of pairs: t[4g + c] holds, in each 128-bit lane, column c (of 4) of rows 4g .. 4g+3.
  for (int g = 0; g < 4; ++g) {
    const __m512 a = _mm512_unpacklo_ps(r[4 * g], r[4 * g + 1]), b = _mm512_unpackhi_ps(r[4 * g], r[4 * g + 1]);
    const __m512 c = _mm512_unpacklo_ps(r[4 * g + 2], r[4 * g + 3]), d = _mm512_unpackhi_ps(r[4 * g + 2], r[4 * g + 3]);
    t[4 * g] = _mm512_shuffle_ps(a, c, _MM_SHUFFLE(1, 0, 1, 0));
    t[4 * g + 1] = _mm512_shuffle_ps(a, c, _MM_SHUFFLE(3, 2, 3, 2));
    t[4 * g + 2] = _mm512_shuffle_ps(b, d, _MM_SHUFFLE(1, 0, 1, 0));
    t[4 * g + 3] = _mm512_shuffle_ps(b, d, _MM_SHUFFLE(3, 2, 3, 2));
  }
  // Then the 4 x 4 matrix of 128-bit lanes.
  for (int c = 0; c < 4; ++c) {
    const __m512 a = _mm512_shuffle_f32x4(t[c], t[4 + c], 0x88), b = _mm512_shuffle_f32x4(t[c], t[4 + c], 0xdd);
    const __m512 d = _mm512_shuffle_f32x4(t[8 + c], t[12 + c], 0x88), e = _mm512_shuffle_f32x4(t[8 + c], t[12 + c], 0xdd);
    _mm512_storeu_ps(destination + c * destination_stride, _mm512_shuffle_f32x4(a, d, 0x88));
    _mm512_storeu_ps(destination + (4 + c) * destination_stride, _mm512_shuffle_f32x4(b, e, 0x88));
    _mm512_storeu_ps(destination + (8 + c) * destination_stride, _mm512_shuffle_f32x4(a, d, 0xdd));
    _mm512_storeu_ps(destination + (12 + c) * destination_stride, _mm512_shuffle_f32x4(b, e, 0xdd));
  }
}
#else
static inline void transpose16(const float* source, int64_t source_stride, float* destination, int64_t destination_stride) {
  for (int r = 0; r < 16; ++r)
    for (int c = 0; c < 16; ++c) destination[c * destination_stride + r] = source[r * source_stride + c];
}
#endif

// Any size.
static inline void transpose(const float* source, int64_t source_stride, int64_t rows, int64_t columns, float* destination, int64_t destination_stride) {
  for (int64_t r = 0; r < rows; r += 16)
    for (int64_t c = 0; c < columns; c += 16) {
      const float* s = source + r * source_stride + c;
      float* d = destination + c * destination_stride + r;
      if (rows - r >= 16 && columns - c >= 16) {
        transpose16(s, source_stride, d, destination_stride);
        continue;
      }
      const int64_t height = rows - r < 16 ? rows - r : 16, width = columns - c < 16 ? columns - c : 16;
      for (int64_t i = 0; i < height; ++i)
        for (int64_t j = 0; j < width; ++j) d[j * destination_stride + i] = s[i * source_stride + j];
    }
}

HE_ISA_END
