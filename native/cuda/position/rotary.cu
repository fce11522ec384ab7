// Rotary positions (Su et al. 2021): (a, b) -> (fma(-b, sin, a cos), fma(a, sin, b cos)): the CPU's order, so in float32 the CPU's bits.
// A block a token, a thread a pair at a time. Traffic: the rotated elements once in and out; neighbouring threads touch neighbouring elements; the token's row of the table stays in the first-level cache.
#include "cuda/position/rotary.h"

#include "cuda/dialect/rows.h"

namespace he::cuda {
namespace {

template <class T>
HE_GPU void rotate(const RotaryArguments<T>& a) {
  const long long token = block_x();
  const int half = a.rotary / 2, wanted = a.positions.get(token);
  const int position = wanted < 0 ? 0 : wanted < a.table_rows ? wanted : a.table_rows - 1;
  const Global<const float> cosines = a.table + static_cast<long long>(position) * a.rotary;
  for (int i = static_cast<int>(thread()); i < a.heads * half; i += kRotaryThreads) {
    const int pair = i % half;
    const long long head = token * a.token_stride + i / half * a.head_stride;
    const long long first = head + (a.interleaved ? 2 * pair : pair), second = a.interleaved ? first + 1 : first + half;
    const float c = cosines.get(pair), sine = cosines.get(half + pair), s = a.inverse ? -sine : sine;
    const float x = get_float(static_cast<Global<const T>>(a.x), first), y = get_float(static_cast<Global<const T>>(a.x), second);
    set_float(a.x, first, fma(-y, s, x * c));
    set_float(a.x, second, fma(x, s, y * c));
  }
}

}  // namespace

HE_KERNEL(kRotaryThreads) rotary_f32(RotaryArguments<float> a) { rotate(a); }
HE_KERNEL(kRotaryThreads) rotary_bf16(RotaryArguments<bf16> a) { rotate(a); }

}  // namespace he::cuda
