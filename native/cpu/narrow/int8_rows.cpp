// Activations to 8 bits, a scale for each row and 32 inputs: scale = greatest magnitude / 127, q = x * (127 / greatest) to nearest, ties to even.
//   traffic  x once, 44 to 52 bytes written for 32 values
#include "cpu/narrow/dot.h"
#include "cpu/narrow/int8_isa.h"
#include "cpu/narrow/int8_rows.h"
#include "cpu/simd/reduce16.h"

HE_ISA_BEGIN

namespace {

constexpr int64_t kWorthSharing = 1 << 15;  // values of x: the rounding of fewer takes less than waking a thread
constexpr float kLeast = 0x1p-120f;         // blocks below this magnitude are zeros: 127 / greatest would overflow

constexpr int kTogether = 16;  // blocks of a row: many short chains, so that one block's latencies hide behind the others

// out[i] = the greatest, or the sum, of the lanes of of(i), for i below Count: 4 or 16.
template <int Count, class Of>
inline __attribute__((always_inline)) void maxima(Of of, float* out) {
  if constexpr (Count == 16) return max_of_sixteen(of, out);
  const V16 four[] = {of(0), of(1), of(2), of(3)};
  reduce_max4(four, out);
}
template <int Count, class Of>
inline __attribute__((always_inline)) void sums_of(Of of, float* out) {
  if constexpr (Count == 16) return add_sixteen(of, out);
  const V16 four[] = {of(0), of(1), of(2), of(3)};
  reduce_add4(four, out);
}

// The greater magnitude of each lane of two.
inline V16 magnitudes(const float* x) {
  const V16 lo = load(x), hi = load(x + kLanes);
#if defined(__AVX512F__)
  return {_mm512_range_ps(lo.v, hi.v, 0b1011)};
#else
  return max(max(lo, zero() - lo), max(hi, zero() - hi));
#endif
}

struct Scales {
  alignas(64) float greatest[kTogether], inverse[kTogether], scale[kTogether];
};

// A copy of n blocks in which those without a scale are zeros; their scale is 0, or NaN where a value is not finite, which spoils the row's outputs.
void clear_unfit(const float* x, int64_t n, float* copy, Scales& s) {
  for (int64_t i = 0; i < n; ++i, x += kSide, copy += kSide) {
    const float zero_or_nan = reduce_add(load(x) * zero() + load(x + kLanes) * zero());
    const bool fit = zero_or_nan == 0.0f && s.greatest[i] >= kLeast;
    if (!fit) {
      s.scale[i] = zero_or_nan == 0.0f ? 0.0f : NAN;
      s.inverse[i] = 0.0f;  // the numbers are zeros
    }
    for (int64_t k = 0; k < kSide; ++k) copy[k] = fit ? x[k] : 0.0f;
  }
}

// n neighbouring blocks, Count at most, from `first` on: numbers(block, low, high) takes their numbers, of inputs 0 to 15 and 16 to 31, and then
// constants(block, scale, sums) the rest; a sum for each unit of the numbers: whole, below 2^12, exact. Where there are fewer than Count, the last one is done again.
template <int Units, int Count, class Numbers, class Constants>
inline __attribute__((always_inline)) void quantize_blocks(const float* x, int64_t first, int64_t n, const Numbers& numbers, const Constants& constants) {
  Scales s;
  alignas(64) float sums[Units][kTogether], copy[kTogether * kSide];
  const float* from = x + first * kSide;
  const auto block = [&](int64_t i) { return i < n ? i : n - 1; };
  V16 check[2] = {zero(), zero()};
  for (int i = 0; i < Count; ++i) {
    check[0] = fma(load(from + block(i) * kSide), zero(), check[0]);
    check[1] = fma(load(from + block(i) * kSide + kLanes), zero(), check[1]);
  }
  if constexpr (Count < kTogether) store(s.greatest, splat(1.0f));
  maxima<Count>([&](int i) { return magnitudes(from + block(i) * kSide); }, s.greatest);
  const V16 greatest = load(s.greatest);
  store(s.inverse, splat(127.0f) / greatest);
  store(s.scale, greatest / splat(127.0f));
  // 0, or NaN where a value is not finite.
  if (!(reduce_add(check[0] + check[1]) == 0.0f) || reduce_max(select_lt(greatest, splat(kLeast), splat(1.0f), zero())) != 0.0f) {
    clear_unfit(from, n, copy, s);
    from = copy;
  }
  const auto high_of = [&](int64_t i) { return nearest_ints(load(from + i * kSide + kLanes) * splat(s.inverse[i])); };
  sums_of<Count>(
      [&](int k) {
        const int64_t i = block(k);
        const I16 low = nearest_ints(load(from + i * kSide) * splat(s.inverse[i])), high = high_of(i);
        numbers(first + i, low, high);
        return to_floats(Units == 1 ? low + high : low);
      },
      sums[0]);
  if constexpr (Units == 2) sums_of<Count>([&](int k) { return to_floats(high_of(block(k))); }, sums[1]);
  for (int64_t i = 0; i < n; ++i) {
    float sum[Units];
    for (int u = 0; u < Units; ++u) sum[u] = sums[u][i];
    constants(first + i, s.scale[i], sum);
  }
}

// The same for a whole row.
template <int Units, class Numbers, class Constants>
inline void for_blocks(const float* x, int64_t inputs, const Numbers& numbers, const Constants& constants) {
  const int64_t squares = inputs / kSide;
  int64_t s = 0;
  for (; s + kTogether <= squares; s += kTogether) quantize_blocks<Units, kTogether>(x, s, kTogether, numbers, constants);
  for (; s < squares; s += 4) quantize_blocks<Units, 4>(x, s, squares - s < 4 ? squares - s : 4, numbers, constants);
}

// Rows [first, first + height) of x as one block of records.
template <int Units>
void quantize_rows(const float* x, int64_t x_stride, int64_t height, int64_t inputs, int32_t offset, int32_t* to) {
  constexpr int64_t kRow = record_words(Units);
  const float below = -static_cast<float>(offset);
  for (int64_t r = 0; r < height; ++r) {
    const auto record = [=](int64_t s) { return to + (s * height + r) * kRow; };
    for_blocks<Units>(
        x + r * x_stride, inputs,
        [&](int64_t s, I16 low, I16 high) {
          store_bytes(record(s), low);
          store_bytes(record(s) + kQuads / 2, high);
        },
        [&](int64_t s, float scale, const float* sums) {
          int32_t* at = record(s) + kQuads;
          float* scales = reinterpret_cast<float*>(at) + Units;
          scales[0] = scale;
          for (int u = 0; u < Units; ++u) {
            at[u] = static_cast<int32_t>(below * sums[u]);
            scales[1 + u] = scale * sums[u];
          }
        });
  }
}

// The same as tiles of a matrix unit.
template <int Units>
void quantize_tiles(const float* x, int64_t x_stride, int64_t height, int64_t inputs, int32_t offset, int32_t* to) {
  constexpr int64_t kTileBytes = 4 * kMatrixWords, kRecord = matrix_record_words(Units);
  const float below = -static_cast<float>(offset);
  memset(to, 0, static_cast<size_t>(inputs / kSide * kRecord) * sizeof(int32_t));
  for (int64_t r = 0; r < height; ++r)
    for_blocks<Units>(
        x + r * x_stride, inputs,
        [&](int64_t s, I16 low, I16 high) {
          uint8_t* words = reinterpret_cast<uint8_t*>(to + s * kRecord) + r * kTileBytes / kMatrixRows;
          store_bytes(words, low);
          store_bytes(words + (Units == 1 ? kLanes : kTileBytes), high);
        },
        [&](int64_t s, float scale, const float* sums) {
          int32_t* at = to + s * kRecord + Units * kMatrixWords + r;
          float* scales = reinterpret_cast<float*>(at) + Units * kMatrixRows;
          scales[0] = scale;
          for (int u = 0; u < Units; ++u) {
            at[u * kMatrixRows] = static_cast<int32_t>(below * sums[u]);
            scales[(1 + u) * kMatrixRows] = scale * sums[u];
          }
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
