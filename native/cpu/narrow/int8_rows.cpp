// Activations to 8 bits, a scale for each row and 32 inputs: scale = greatest magnitude / 127, q = x * (127 / greatest) to nearest, ties to even.
//   traffic  x once, 44 to 52 bytes written for 32 values
#include "cpu/narrow/int8_isa.h"
#include "cpu/narrow/int8_rows.h"

HE_ISA_BEGIN

namespace {

constexpr int64_t kWorthSharing = 1 << 15;  // values of x: the rounding of fewer takes less than waking a thread
constexpr float kLeast = 0x1p-120f;         // blocks below this magnitude are zeros: 127 / greatest would overflow

template <int Units>
struct QuantizedBlock {
  alignas(32) int8_t q[kSide];
  float scale;
  float sum[Units];  // of each unit's numbers: whole, below 2^12, exact
};

// 32 whole numbers of magnitude 127 at most, in one store: they are loaded at once soon after, and a load that spans two stores waits for both.
inline void store_bytes(int8_t* to, V16 lo, V16 hi) {
#if defined(__AVX512F__)
  const __m128i low = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(lo.v)), high = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(hi.v));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1));
#else
  alignas(64) float each[kSide];
  store(each, lo);
  store(each + kLanes, hi);
  for (int i = 0; i < kSide; ++i) to[i] = static_cast<int8_t>(each[i]);
#endif
}

inline V16 magnitudes(V16 lo, V16 hi) { return max(max(lo, zero() - lo), max(hi, zero() - hi)); }

template <int Units>
void quantize_block(const float* x, QuantizedBlock<Units>& b) {
  const V16 lo = load(x), hi = load(x + kLanes);
  // 0, or NaN where a value is not finite: then the scale is NaN and the row's outputs with it.
  const float finite = reduce_add(lo * zero() + hi * zero());
  const float greatest = reduce_max(magnitudes(lo, hi));
  if (!(finite == 0.0f) || greatest < kLeast) {
    memset(&b, 0, sizeof b);
    b.scale = finite;
    return;
  }
  const V16 inverse = splat(127.0f / greatest), low = round_nearest(lo * inverse), high = round_nearest(hi * inverse);
  store_bytes(b.q, low, high);
  b.sum[0] = reduce_add(Units == 1 ? low + high : low);
  if constexpr (Units == 2) b.sum[1] = reduce_add(high);
  b.scale = greatest / 127.0f;
}

constexpr int64_t kTogether = 4;
using Four = float __attribute__((vector_size(16)));

// Four neighbouring blocks, whose reductions share their steps. What is not finite or too small for that goes one by one.
template <int Units>
inline void quantize_blocks(const float* x, QuantizedBlock<Units>* b) {
  V16 magnitude[kTogether], low[kTogether], high[kTogether], finite = zero();
  for (int i = 0; i < kTogether; ++i) {
    low[i] = load(x + i * kSide);
    high[i] = load(x + i * kSide + kLanes);
    magnitude[i] = magnitudes(low[i], high[i]);
    finite = fma(high[i], zero(), fma(low[i], zero(), finite));
  }
  Four greatest, sums[Units];
  reduce_max4(magnitude, reinterpret_cast<float*>(&greatest));
  const auto small = greatest < kLeast;
  if ((small[0] | small[1] | small[2] | small[3]) != 0 || !(reduce_add(finite) == 0.0f)) {
    for (int i = 0; i < kTogether; ++i) quantize_block(x + i * kSide, b[i]);
    return;
  }
  const Four inverse = 127.0f / greatest, scale = greatest / 127.0f;
  for (int i = 0; i < kTogether; ++i) {
    low[i] = round_nearest(low[i] * splat(inverse[i]));
    high[i] = round_nearest(high[i] * splat(inverse[i]));
    store_bytes(b[i].q, low[i], high[i]);
    if constexpr (Units == 1) low[i] = low[i] + high[i];
  }
  reduce_add4(low, reinterpret_cast<float*>(&sums[0]));
  if constexpr (Units == 2) reduce_add4(high, reinterpret_cast<float*>(&sums[1]));
  for (int i = 0; i < kTogether; ++i) {
    b[i].scale = scale[i];
    for (int u = 0; u < Units; ++u) b[i].sum[u] = sums[u][i];
  }
}

// f(square, block) for the blocks of a row.
template <int Units, class F>
inline void for_blocks(const float* x, int64_t inputs, const F& f) {
  QuantizedBlock<Units> b[kTogether];
  const int64_t squares = inputs / kSide;
  int64_t s = 0;
  for (; s + kTogether <= squares; s += kTogether) {
    quantize_blocks(x + s * kSide, b);
    for (int64_t i = 0; i < kTogether; ++i) f(s + i, b[i]);
  }
  for (; s < squares; ++s) {
    quantize_block(x + s * kSide, b[0]);
    f(s, b[0]);
  }
}

// Rows [first, first + height) of x as one block of records.
template <int Units>
void quantize_rows(const float* x, int64_t x_stride, int64_t height, int64_t inputs, int32_t offset, int32_t* to) {
  constexpr int64_t kRow = record_words(Units);
  const float below = -static_cast<float>(offset);
  for (int64_t r = 0; r < height; ++r)
    for_blocks<Units>(x + r * x_stride, inputs, [&](int64_t s, const QuantizedBlock<Units>& b) {
      int32_t* at = to + (s * height + r) * kRow;
      float* scales = reinterpret_cast<float*>(at) + kQuads + Units;
      memcpy(at, b.q, kSide);
      for (int u = 0; u < Units; ++u) {
        at[kQuads + u] = static_cast<int32_t>(below * b.sum[u]);
        scales[1 + u] = b.scale * b.sum[u];
      }
      scales[0] = b.scale;
    });
}

// The same as tiles of a matrix unit.
template <int Units>
void quantize_tiles(const float* x, int64_t x_stride, int64_t height, int64_t inputs, int32_t offset, int32_t* to) {
  constexpr int64_t kTileBytes = 4 * kMatrixWords, kUnitBytes = kSide / Units;
  const float below = -static_cast<float>(offset);
  memset(to, 0, static_cast<size_t>(inputs / kSide * matrix_record_words(Units)) * sizeof(int32_t));
  for (int64_t r = 0; r < height; ++r)
    for_blocks<Units>(x + r * x_stride, inputs, [&](int64_t s, const QuantizedBlock<Units>& b) {
      int32_t* record = to + s * matrix_record_words(Units);
      int32_t* at = record + Units * kMatrixWords + r;
      float* scales = reinterpret_cast<float*>(at) + Units * kMatrixRows;
      for (int u = 0; u < Units; ++u) {
        memcpy(reinterpret_cast<uint8_t*>(record) + u * kTileBytes + r * kTileBytes / kMatrixRows, b.q + u * kUnitBytes, kUnitBytes);
        at[u * kMatrixRows] = static_cast<int32_t>(below * b.sum[u]);
        scales[(1 + u) * kMatrixRows] = b.scale * b.sum[u];
      }
      scales[0] = b.scale;
    });
}

void quantize_one(const float* x, int64_t x_stride, CompactType weights, const Int8Rows& a, int64_t block) {
  const int64_t first = int8_row_of(a.rows, block), height = int8_row_of(a.rows, block + 1) - first;
  with_block(weights, [&](auto w) {
    using Block = decltype(w);
    if constexpr (Block::kHasQuads) {
      int32_t* to = static_cast<int32_t*>(a.data) + int8_records_of(a.rows, a.inputs / kSide, Block::kUnits, block);
      const auto quantize = by_matrix(a.rows) ? quantize_tiles<Block::kUnits> : quantize_rows<Block::kUnits>;
      quantize(x + first * x_stride, x_stride, height, a.inputs, Block::kOffset, to);
    }
  });
}

}  // namespace

size_t int8_rows_floats(int64_t rows, int64_t inputs) {
  const int64_t words = by_matrix(rows) ? int8_blocks(rows) * matrix_record_words(2) : rows * record_words(2);
  return static_cast<size_t>(words * (inputs / kSide));
}

void int8_quantize(const float* x, int64_t x_stride, CompactType weights, const Int8Rows& a) {
  for (int64_t i = 0; i < int8_blocks(a.rows); ++i) quantize_one(x, x_stride, weights, a, i);
}

void int8_quantize_shared(const Resources& r, const float* x, int64_t x_stride, CompactType weights, const Int8Rows& a) {
  if (a.rows * a.inputs < kWorthSharing) return int8_quantize(x, x_stride, weights, a);
  r.pool.parallel_for(int8_blocks(a.rows), [&](int64_t i) { quantize_one(x, x_stride, weights, a, i); });
}

HE_ISA_END
