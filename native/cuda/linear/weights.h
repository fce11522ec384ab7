// How weights lie on the device, and how four neighbours of a row become floats: the values that the types' formulas say (cpu/conversion/blocks.h), exact or rounded once.
//   f32, bf16, f16   [outputs][stride]: stride a multiple of 8 elements, zeros behind the row's end
//   q8               bytes u [outputs][inputs];                      scales d [outputs][inputs / 32]       x = (u - 128) d
//   q4               nibbles u [outputs][inputs / 32][16 bytes];     scales d                              x = (u - 8) d
//   q4_1             nibbles u;                                      scales d, minima m                    x = u d + m
// Scales and minima are float16. A byte of nibbles holds values j and j + 16 of its block of 32, the low half first, as GGUF has them.
#pragma once
#include "cuda/dialect/rows.h"

namespace he::cuda {

struct Weights {
  Global<const Word> data;
  Global<const unsigned short> scales, minima;  ///< of blocks; none for whole types
  long long stride;                             ///< of rows of data, in words
  int blocks;                                   ///< of 32 inputs in a row
};

// The numbers of four bytes, less OFFSET.
template <int OFFSET>
HE_GPU Four bytes_to_floats(unsigned four) {
  Four x;
  HE_UNROLL
  for (int j = 0; j < 4; ++j) x.v[j] = bits_to_float(0x4b000000u | (four >> 8 * j & 0xffu)) - static_cast<float>((1 << 23) + OFFSET);
  return x;
}

// A format: kWords of 32 inputs; numbers(row, k) of inputs k .. k + 3 of a row (Shared or Global words); kBlocks: numbers have still to be scaled.
struct Float32Format {
  static constexpr int kWords = 32;
  static constexpr bool kBlocks = false, kMinima = false;
  template <class Row>
  HE_GPU static Four numbers(Row row, int k) {
    const Words w = row.template get_as<Words>(k);
    return {{bits_to_float(w.w[0]), bits_to_float(w.w[1]), bits_to_float(w.w[2]), bits_to_float(w.w[3])}};
  }
};

struct BFloat16Format {
  static constexpr int kWords = 16;
  static constexpr bool kBlocks = false, kMinima = false;
  template <class Row>
  HE_GPU static Four numbers(Row row, int k) {
    const Pair w = row.template get_as<Pair>(k / 2);
    return {{widen_low(w.w[0]), widen_high(w.w[0]), widen_low(w.w[1]), widen_high(w.w[1])}};
  }
};

struct Float16Format {
  static constexpr int kWords = 16;
  static constexpr bool kBlocks = false, kMinima = false;
  template <class Row>
  HE_GPU static Four numbers(Row row, int k) {
    const Pair w = row.template get_as<Pair>(k / 2);
    const auto half = [](unsigned bits) { return widen_half(static_cast<unsigned short>(bits)); };
    return {{half(w.w[0] & 0xffffu), half(w.w[0] >> 16), half(w.w[1] & 0xffffu), half(w.w[1] >> 16)}};
  }
};

struct Q8Format {
  static constexpr int kWords = 8;
  static constexpr bool kBlocks = true, kMinima = false;
  template <class Row>
  HE_GPU static Four numbers(Row row, int k) {
    return bytes_to_floats<128>(row.get(k / 4).w);
  }
};

template <int OFFSET, bool MINIMA>
struct NibbleFormat {
  static constexpr int kWords = 4;
  static constexpr bool kBlocks = true, kMinima = MINIMA;
  template <class Row>
  HE_GPU static Four numbers(Row row, int k) {
    return bytes_to_floats<OFFSET>(row.get(k / 32 * 4 + k % 16 / 4).w >> (k % 32 < 16 ? 0 : 4) & 0x0f0f0f0fu);
  }
};
using Q4Format = NibbleFormat<8, false>;
using Q4OffsetFormat = NibbleFormat<0, true>;

/// What numbers of one block of 32 inputs are multiplied by, and what is added.
struct BlockScale {
  float scale = 1.0f, minimum = 0.0f;
};
template <class Format>
HE_GPU BlockScale block_scale(const Weights& w, long long output, int block) {
  BlockScale s;
  if (Format::kBlocks) s.scale = widen_half(w.scales.get(output * w.blocks + block));
  if (Format::kMinima) s.minimum = widen_half(w.minima.get(output * w.blocks + block));
  return s;
}
template <class Format>
HE_GPU Four scaled(Four x, const BlockScale& s) {
  if (!Format::kBlocks) return x;
  HE_UNROLL
  for (int j = 0; j < 4; ++j) x.v[j] = Format::kMinima ? fma(x.v[j], s.scale, s.minimum) : x.v[j] * s.scale;
  return x;
}

/// Inputs k .. k + 3 of an output.
template <class Format>
HE_GPU Four weight_values(const Weights& w, long long output, int k) {
  return scaled<Format>(Format::numbers(w.data + output * w.stride, k), block_scale<Format>(w, output, k / 32));
}

/// f with the name and format of every weight that a forward reads in float32.
#define HE_WEIGHT_FORMATS(f) f(f32, Float32Format) f(bf16, BFloat16Format) f(f16, Float16Format) f(q8, Q8Format) f(q4, Q4Format) f(q4_1, Q4OffsetFormat)

}  // namespace he::cuda
