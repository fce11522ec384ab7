// Activations to 8 bits, a scale for each row and 32 inputs: scale = greatest magnitude / 127, q = x * (127 / greatest) to nearest, ties to even.
//   traffic  x once, 44 to 52 bytes written for 32 values
#include "cpu/narrow/int8_isa.h"
#include "cpu/narrow/int8_rows.h"

HE_ISA_BEGIN

namespace {

constexpr int64_t kWorthSharing = 1 << 15;  // values of x: the rounding of fewer takes less than waking a thread
constexpr float kLeast = 0x1p-120f;         // blocks below this magnitude are zeros: 127 / greatest would overflow

struct QuantizedBlock {
  int8_t q[kSide];
  float scale;
  int32_t sum[2];  // of inputs 0 to 15 and 16 to 31
};

inline void quantize_block(const float* x, QuantizedBlock& b) {
  const V16 lo = load(x), hi = load(x + kLanes);
  // 0, or NaN where a value is not finite: then the scale is NaN and the row's outputs with it.
  const float finite = reduce_add(lo * zero() + hi * zero());
  const float greatest = reduce_max(max(max(lo, zero() - lo), max(hi, zero() - hi)));
  if (!(finite == 0.0f) || greatest < kLeast) {
    memset(&b, 0, sizeof b);
    b.scale = finite;
    return;
  }
  const V16 inverse = splat(127.0f / greatest);
  alignas(64) float whole[kSide];
  store(whole, round_nearest(lo * inverse));
  store(whole + kLanes, round_nearest(hi * inverse));
  int32_t sums[2] = {0, 0};
  for (int h = 0; h < 2; ++h)
    for (int i = 0; i < 16; ++i) {
      const int32_t q = static_cast<int32_t>(whole[16 * h + i]);
      b.q[16 * h + i] = static_cast<int8_t>(q);
      sums[h] += q;
    }
  b.sum[0] = sums[0];
  b.sum[1] = sums[1];
  b.scale = greatest / 127.0f;
}

// Rows [first, first + height) of x as one block of records.
template <int Units>
void quantize_rows(const float* x, int64_t x_stride, int64_t height, int64_t inputs, int32_t offset, int32_t* to) {
  const int64_t record = record_words(Units) * height;
  for (int64_t r = 0; r < height; ++r)
    for (int64_t s = 0; s < inputs / kSide; ++s) {
      QuantizedBlock b;
      quantize_block(x + r * x_stride + s * kSide, b);
      int32_t* at = to + s * record + r;
      for (int g = 0; g < kQuads; ++g) memcpy(at + g * height, b.q + 4 * g, 4);
      at += kQuads * height;
      for (int u = 0; u < Units; ++u) {
        const int32_t sum = Units == 1 ? b.sum[0] + b.sum[1] : b.sum[u];
        const float scaled = b.scale * static_cast<float>(sum);
        at[u * height] = -offset * sum;
        memcpy(at + (Units + 1 + u) * height, &scaled, 4);
      }
      memcpy(at + Units * height, &b.scale, 4);
    }
}

// The same as tiles of a matrix unit.
template <int Units>
void quantize_tiles(const float* x, int64_t x_stride, int64_t height, int64_t inputs, int32_t offset, int32_t* to) {
  constexpr int64_t kTileBytes = 4 * kMatrixWords, kUnitBytes = kSide / Units;
  memset(to, 0, static_cast<size_t>(inputs / kSide * matrix_record_words(Units)) * sizeof(int32_t));
  for (int64_t s = 0; s < inputs / kSide; ++s, to += matrix_record_words(Units))
    for (int64_t r = 0; r < height; ++r) {
      QuantizedBlock b;
      quantize_block(x + r * x_stride + s * kSide, b);
      int32_t* at = to + Units * kMatrixWords + r;
      for (int u = 0; u < Units; ++u) {
        memcpy(reinterpret_cast<uint8_t*>(to) + u * kTileBytes + r * kTileBytes / kMatrixRows, b.q + u * kUnitBytes, kUnitBytes);
        const int32_t sum = Units == 1 ? b.sum[0] + b.sum[1] : b.sum[u];
        const float scaled = b.scale * static_cast<float>(sum);
        at[u * kMatrixRows] = -offset * sum;
        memcpy(at + (Units + 1 + u) * kMatrixRows, &scaled, 4);
      }
      memcpy(at + Units * kMatrixRows, &b.scale, 4);
    }
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
