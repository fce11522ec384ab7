// bf16 panels P[o / 32][k / 2][o % 32][k % 2]: from and to rows, from float32 panels, transposed, and one row at a time.
//   traffic  every value once each way; a task is one panel (rows for the embedding)
#include "cpu/linear/linear.h"
#include "cpu/narrow/bf16_isa.h"
#include "cpu/narrow/blocks.h"
#include "cpu/simd/bf16.h"

HE_ISA_BEGIN

static constexpr int64_t kPairRow = 2 * kNarrowPanel;  // elements of one pair of inputs of a panel
static constexpr int64_t kSquare = kNarrowPanel * kNarrowPanel;

static size_t panel_bytes(int64_t inputs) { return static_cast<size_t>(narrow_padded(inputs) * kNarrowPanel) * sizeof(uint16_t); }

void bf16_pack(const Resources& r, const uint16_t* source, int64_t source_stride, int64_t outputs, int64_t inputs, uint16_t* packed) {
  r.pool.parallel_for(ceil_div(outputs, kNarrowPanel), [=](int64_t p) {
    const int64_t first = p * kNarrowPanel, width = least(kNarrowPanel, outputs - first);
    uint16_t* panel = packed + first * narrow_padded(inputs);
    memset(panel, 0, panel_bytes(inputs));
    // Blocks of inputs, so that the panel's part stays in L1 while its outputs are written one by one.
    for (int64_t k0 = 0; k0 < inputs; k0 += 8 * kNarrowPanel)
      for (int64_t o = 0; o < width; ++o) {
        const uint16_t* from = source + (first + o) * source_stride;
        for (int64_t k = k0; k < least(inputs, k0 + 8 * kNarrowPanel); ++k) panel[k / 2 * kPairRow + 2 * o + k % 2] = from[k];
      }
  });
}

void bf16_unpack(const Resources& r, const uint16_t* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride) {
  r.pool.parallel_for(ceil_div(outputs, kNarrowPanel), [=](int64_t p) {
    const int64_t first = p * kNarrowPanel, width = least(kNarrowPanel, outputs - first);
    const uint16_t* panel = packed + first * narrow_padded(inputs);
    for (int64_t o = 0; o < width; ++o)
      for (int64_t k = 0; k < inputs; ++k) destination[(first + o) * destination_stride + k] = from_bf16(panel[k / 2 * kPairRow + 2 * o + k % 2]);
  });
}

void bf16_narrow(const Resources& r, const float* master, int64_t outputs, int64_t inputs, uint16_t* packed) {
  r.pool.parallel_for(ceil_div(outputs, kNarrowPanel), [=](int64_t p) {
    const float* from = master + p * kPanel * inputs;
    uint16_t* panel = packed + p * kNarrowPanel * narrow_padded(inputs);
    for (int64_t k = 0; k < narrow_padded(inputs); k += 2)
      for (int64_t v = 0; v < kPanel; v += kLanes) {
        const V16 first = k < inputs ? load(from + k * kPanel + v) : zero(), second = k + 1 < inputs ? load(from + (k + 1) * kPanel + v) : zero();
        store_pairs(panel + k / 2 * kPairRow + 2 * v, first, second);
      }
  });
}

void bf16_embed(const Resources& r, const int32_t* ids, int64_t tokens, const uint16_t* table, int64_t vocabulary, int64_t width, float scale, int32_t offset, float* y,
                int64_t y_stride, bool accumulate) {
  r.pool.parallel_for(tokens, [=](int64_t t) {
    const int64_t wanted = int64_t{ids[t]} + offset, id = wanted < 0 ? 0 : wanted < vocabulary ? wanted : vocabulary - 1;
    const uint16_t* from = table + id / kNarrowPanel * kNarrowPanel * narrow_padded(width) + id % kNarrowPanel * 2;
    float* to = y + t * y_stride;
    for (int64_t k = 0; k < width; ++k) {
      const float value = scale * from_bf16(from[k / 2 * kPairRow + k % 2]);
      to[k] = accumulate ? value + to[k] : value;
    }
  });
}

// 32 outputs x 32 inputs: [k / 2][o][k % 2] to [o / 2][k][o % 2].
#if defined(__AVX512BW__)
static void transpose_square(const uint16_t* from, uint16_t* to) {
  // Sixteen pairs of inputs of sixteen outputs turn into rows of outputs, [o][k]; then two rows of outputs interleave.
  __m512i row[2 * kLanes];
  for (int half = 0; half < 2; ++half) {
    __m512i r[16], t[16];
    for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(from + i * kPairRow + half * 32);
    for (int g = 0; g < 4; ++g) {
      const __m512i a = _mm512_unpacklo_epi32(r[4 * g], r[4 * g + 1]), b = _mm512_unpackhi_epi32(r[4 * g], r[4 * g + 1]);
      const __m512i c = _mm512_unpacklo_epi32(r[4 * g + 2], r[4 * g + 3]), d = _mm512_unpackhi_epi32(r[4 * g + 2], r[4 * g + 3]);
      t[4 * g] = _mm512_unpacklo_epi64(a, c);
      t[4 * g + 1] = _mm512_unpackhi_epi64(a, c);
      t[4 * g + 2] = _mm512_unpacklo_epi64(b, d);
      t[4 * g + 3] = _mm512_unpackhi_epi64(b, d);
    }
    for (int c = 0; c < 4; ++c) {
      const __m512i a = _mm512_shuffle_i32x4(t[c], t[4 + c], 0x88), b = _mm512_shuffle_i32x4(t[c], t[4 + c], 0xdd);
      const __m512i d = _mm512_shuffle_i32x4(t[8 + c], t[12 + c], 0x88), e = _mm512_shuffle_i32x4(t[8 + c], t[12 + c], 0xdd);
      row[16 * half + c] = _mm512_shuffle_i32x4(a, d, 0x88);
      row[16 * half + 4 + c] = _mm512_shuffle_i32x4(b, e, 0x88);
      row[16 * half + 8 + c] = _mm512_shuffle_i32x4(a, d, 0xdd);
      row[16 * half + 12 + c] = _mm512_shuffle_i32x4(b, e, 0xdd);
    }
  }
  alignas(64) uint16_t index[2][32];
  for (int i = 0; i < 32; ++i)
    for (int half = 0; half < 2; ++half) index[half][i] = static_cast<uint16_t>(16 * half + i / 2 + (i % 2) * 32);
  const __m512i lower = _mm512_load_si512(index[0]), upper = _mm512_load_si512(index[1]);
  for (int o = 0; o < 32; o += 2) {
    _mm512_storeu_si512(to + o / 2 * kPairRow, _mm512_permutex2var_epi16(row[o], lower, row[o + 1]));
    _mm512_storeu_si512(to + o / 2 * kPairRow + 32, _mm512_permutex2var_epi16(row[o], upper, row[o + 1]));
  }
}
#else
static void transpose_square(const uint16_t* from, uint16_t* to) {
  for (int64_t k = 0; k < kNarrowPanel; ++k)
    for (int64_t o = 0; o < kNarrowPanel; ++o) to[o / 2 * kPairRow + 2 * k + o % 2] = from[k / 2 * kPairRow + 2 * o + k % 2];
}
#endif

void bf16_transpose(const Resources& r, const uint16_t* w, int64_t outputs, int64_t inputs, int64_t k0, int64_t columns, uint16_t* transposed) {
  const int64_t panel = narrow_padded(inputs) * kNarrowPanel, block = narrow_padded(outputs) * kNarrowPanel;
  r.pool.parallel_for(ceil_div(outputs, kNarrowPanel), [=](int64_t p) {
    for (int64_t k = 0; k < columns; k += kNarrowPanel)
      transpose_square(w + p * panel + (k0 + k) * kNarrowPanel, transposed + k / kNarrowPanel * block + p * kSquare);
  });
}

void bf16_pack_slices(const Resources& r, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, uint16_t* slices) {
  static constexpr int64_t kTaskRows = 32;
  const int64_t panel = narrow_padded(rows) * kNarrowPanel;
  r.pool.parallel_for(ceil_div(rows, kTaskRows), [=](int64_t task) {
    for (int64_t row = task * kTaskRows; row < (task + 1) * kTaskRows; row += 2)
      for (int64_t o = 0; o < outputs; o += kLanes) {
        const int64_t width = outputs - o;
        auto values = [&](int64_t i) { return i >= rows ? zero() : width >= kLanes ? load(dy + i * dy_stride + o) : load_n(dy + i * dy_stride + o, width); };
        uint16_t* to = slices + o / kNarrowPanel * panel + row / 2 * kPairRow + o % kNarrowPanel * 2;
        store_pairs(to, values(row), values(row + 1));
        // The last panel's second half, where no output reaches it.
        if (o % kNarrowPanel == 0 && width <= kLanes) store_pairs(to + kNarrowPanel, zero(), zero());
      }
  });
}

HE_ISA_END
