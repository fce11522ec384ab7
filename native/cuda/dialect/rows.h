// Rows of float32 or bf16 elements, four at a time.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

struct Four {
  float v[4];
};

HE_GPU float get_float(Global<const float> p, long long i) { return p.get(i); }
HE_GPU float get_float(Global<const bf16> p, long long i) { return widen(p.get(i)); }
HE_GPU void set_float(Global<float> p, long long i, float v) { p.set(i, v); }
HE_GPU void set_float(Global<bf16> p, long long i, float v) { p.set(i, narrow(v)); }

HE_GPU Four get_vector(Global<const float> p, long long i) {
  const Words w = p.get_as<Words>(i);
  return {{bits_to_float(w.w[0]), bits_to_float(w.w[1]), bits_to_float(w.w[2]), bits_to_float(w.w[3])}};
}
HE_GPU Four get_vector(Global<const bf16> p, long long i) {
  const Pair w = p.get_as<Pair>(i);
  return {{widen_low(w.w[0]), widen_high(w.w[0]), widen_low(w.w[1]), widen_high(w.w[1])}};
}
HE_GPU void set_vector(Global<float> p, long long i, const Four& x) {
  p.set_as<Words>(i, {{float_to_bits(x.v[0]), float_to_bits(x.v[1]), float_to_bits(x.v[2]), float_to_bits(x.v[3])}});
}
HE_GPU void set_vector(Global<bf16> p, long long i, const Four& x) { p.set_as<Pair>(i, {{pack_bf16(x.v[0], x.v[1]), pack_bf16(x.v[2], x.v[3])}}); }

/// Elements i .. i+3 of a row that ends at `end`: in one instruction where `vectors` says that every group of four is whole and aligned, else one by one; what is beyond the end is 0.
template <class T>
HE_GPU Four get_four(Global<const T> row, int i, int end, bool vectors) {
  if (vectors) return get_vector(row, i);
  Four x;
  HE_UNROLL
  for (int j = 0; j < 4; ++j) x.v[j] = i + j < end ? get_float(row, i + j) : 0.0f;
  return x;
}
template <class T>
HE_GPU void set_four(Global<T> row, int i, int end, bool vectors, const Four& x) {
  if (vectors) {
    set_vector(row, i, x);
    return;
  }
  HE_UNROLL
  for (int j = 0; j < 4; ++j)
    if (i + j < end) set_float(row, i + j, x.v[j]);
}

/// Whether rows of `width` elements that begin every `stride` elements from `p` on can be read in groups of four.
template <class T>
HE_GPU bool in_vectors(Global<T> p, long long stride, int width) {
  return width % 4 == 0 && stride % 4 == 0 && reinterpret_cast<unsigned long long>(p.at) % (4 * sizeof(T)) == 0;
}

/// The sum over the block, the same bits in every thread: lanes pairwise (distance 16, 8, 4, 2, 1), then warps ascending. `scratch` holds a float for every warp;
/// a barrier has to stand between its last use and this one.
template <int THREADS>
HE_GPU float block_sum(float v, Shared<float> scratch) {
  for (unsigned distance = 16; distance; distance /= 2) v += shuffle_xor(v, distance);
  if (lane() == 0) scratch.set(static_cast<int>(warp()), v);
  sync_block();
  float sum = scratch.get(0);
  for (int w = 1; w < THREADS / kWarp; ++w) sum += scratch.get(w);
  return sum;
}

}  // namespace he::cuda
