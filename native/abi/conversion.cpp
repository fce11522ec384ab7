// Conversion exports.
#include "cpu/conversion/conversion.h"

#include "abi/guard.h"
#include "abi/ranges.h"
#include "core/context.h"

namespace {

struct Unit {
  int64_t values, bytes;
};

Unit unit(int32_t element) {
  switch (static_cast<he::cpu::Element>(element)) {
    case he::cpu::Element::kFloat32:
      return {1, 4};
    case he::cpu::Element::kBFloat16:
    case he::cpu::Element::kFloat16:
      return {1, 2};
    case he::cpu::Element::kQ8_0:
      return {32, 34};
    case he::cpu::Element::kQ4_0:
      return {32, 18};
    case he::cpu::Element::kQ4_1:
      return {32, 20};
  }
  throw std::invalid_argument("convert: element types are 0 (f32), 1 (bf16), 2 (f16), 7 (q8_0), 8 (q4_0) and 9 (q4_1)");
}

}  // namespace

extern "C" {

he_status he_convert(he_context* ctx, int64_t n, int32_t from, const void* source, int32_t to, void* destination) {
  return he::guard([&] {
    he::require(ctx != nullptr, "convert: context is null");
    const Unit in = unit(from), out = unit(to);
    he::require(n >= 0 && n % in.values == 0 && n % out.values == 0, "convert: the count must fill whole blocks");
    if (n == 0) return;
    he::require(source != nullptr && destination != nullptr, "convert: source and destination must not be null");
    const int64_t pieces = (n + he::kPieceElements - 1) / he::kPieceElements;
    ctx->pool.parallel_for(pieces, [&](int64_t i) {
      const int64_t begin = i * he::kPieceElements, count = std::min(he::kPieceElements, n - begin);
      ctx->isa.kernels.conversion.convert(
          static_cast<he::cpu::Element>(from), static_cast<const uint8_t*>(source) + begin / in.values * in.bytes,
          static_cast<he::cpu::Element>(to), static_cast<uint8_t*>(destination) + begin / out.values * out.bytes, count);
    });
  });
}

}  // extern "C"
