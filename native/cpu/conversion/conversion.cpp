// Casts by way of float32 in pieces that stay in the first-level cache.
//   traffic  source and destination once
#include "cpu/conversion/conversion.h"

#include "cpu/conversion/blocks.h"

HE_ISA_BEGIN

namespace {

template <int kBytes, class F>
void decode_blocks(const uint8_t* source, float* x, int64_t n, F decode) {
  for (int64_t b = 0; b < n / kBlock; ++b) decode(source + b * kBytes, x + b * kBlock);
}

template <int kBytes, class F>
void encode_blocks(const float* x, uint8_t* destination, int64_t n, F encode) {
  for (int64_t b = 0; b < n / kBlock; ++b) encode(x + b * kBlock, destination + b * kBytes);
}

int64_t bytes(Element e, int64_t n) {
  switch (e) {
    case Element::kFloat32:
      return 4 * n;
    case Element::kBFloat16:
    case Element::kFloat16:
      return 2 * n;
    case Element::kQ8_0:
      return n / kBlock * 34;
    case Element::kQ4_0:
      return n / kBlock * 18;
    case Element::kQ4_1:
      return n / kBlock * 20;
  }
  return 0;
}

void decode(Element from, const uint8_t* source, float* x, int64_t n) {
  switch (from) {
    case Element::kFloat32:
      memcpy(x, source, static_cast<size_t>(n) * sizeof(float));
      return;
    case Element::kBFloat16:
      for (int64_t i = 0; i < n; ++i) x[i] = from_bfloat16(load16(source + 2 * i));
      return;
    case Element::kFloat16:
      for (int64_t i = 0; i < n; ++i) x[i] = from_float16(load16(source + 2 * i));
      return;
    case Element::kQ8_0:
      return decode_blocks<34>(source, x, n, dequantize_q8_0);
    case Element::kQ4_0:
      return decode_blocks<18>(source, x, n, dequantize_q4_0);
    case Element::kQ4_1:
      return decode_blocks<20>(source, x, n, dequantize_q4_1);
  }
}

void encode(const float* x, Element to, uint8_t* destination, int64_t n) {
  switch (to) {
    case Element::kFloat32:
      memcpy(destination, x, static_cast<size_t>(n) * sizeof(float));
      return;
    case Element::kBFloat16:
      for (int64_t i = 0; i < n; ++i) store16(destination + 2 * i, to_bfloat16(x[i]));
      return;
    case Element::kFloat16:
      for (int64_t i = 0; i < n; ++i) store16(destination + 2 * i, to_float16(x[i]));
      return;
    case Element::kQ8_0:
      return encode_blocks<34>(x, destination, n, quantize_q8_0);
    case Element::kQ4_0:
      return encode_blocks<18>(x, destination, n, quantize_q4_0);
    case Element::kQ4_1:
      return encode_blocks<20>(x, destination, n, quantize_q4_1);
  }
}

void convert(Element from, const uint8_t* source, Element to, uint8_t* destination, int64_t n) {
  constexpr int64_t kPiece = 2048;
  float x[kPiece];
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = n - i < kPiece ? n - i : kPiece;
    decode(from, source + bytes(from, i), x, count);
    encode(x, to, destination + bytes(to, i), count);
  }
}

}  // namespace

void fill(ConversionKernels&);
void fill(ConversionKernels& t) { t.convert = convert; }

HE_ISA_END
