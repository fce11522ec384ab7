// The dialect on a CPU: every operation goes to the emulator, with the place in the source it comes from.
#pragma once
#include <bit>
#include <cmath>

#include "cuda/emulator/operations.h"

#define HE_GPU inline
#define HE_KERNEL(THREADS) void

namespace he::cuda {

using emulator::Site;

inline unsigned thread() { return emulator::thread_index(); }
inline unsigned threads() { return emulator::thread_count(); }
inline unsigned block_x() { return emulator::block_index(0); }
inline unsigned block_y() { return emulator::block_index(1); }
inline unsigned block_z() { return emulator::block_index(2); }

inline void sync_block(Site at = Site::current()) { emulator::synchronize_block(at); }
inline void sync_warp(Site at = Site::current()) { emulator::synchronize_warp(at); }
inline unsigned shuffle_xor(unsigned v, unsigned mask, Site at = Site::current()) { return emulator::shuffle_xor(v, mask, at); }
inline unsigned shuffle(unsigned v, unsigned lane, Site at = Site::current()) { return emulator::shuffle(v, lane, at); }
inline unsigned vote(bool yes, Site at = Site::current()) { return emulator::vote(yes, at); }
inline int count_bits(unsigned v) { return std::popcount(v); }
inline float bits_to_float(unsigned v) { return std::bit_cast<float>(v); }
inline unsigned float_to_bits(float v) { return std::bit_cast<unsigned>(v); }

inline float fma(float a, float b, float c) { return std::fma(a, b, c); }
inline float divide(float a, float b) { return a / b; }
inline float square_root(float x) { return std::sqrt(x); }
inline float widen_half(unsigned short bits) { return emulator::widen_half(bits); }
inline float exp2_fast(float x) { return x < -126.0f ? 0.0f : std::exp2(x); }
inline float log2_fast(float x) { return std::log2(x); }
inline float maximum(float a, float b) { return std::fmax(a, b); }
inline double square_root(double x) { return std::sqrt(x); }
inline unsigned long long double_to_bits(double v) { return std::bit_cast<unsigned long long>(v); }
inline double bits_to_double(unsigned long long v) { return std::bit_cast<double>(v); }
inline float round_nearest(float x) { return std::nearbyint(x); }
inline unsigned pack_bf16(float low, float high) { return emulator::round_bf16(low) | static_cast<unsigned>(emulator::round_bf16(high)) << 16; }

inline void copy_async16(void* shared, const void* global, bool there) { emulator::copy_async(shared, global, there ? 16 : 0); }
inline void copy_commit() { emulator::copy_commit(); }
template <int LEFT>
void copy_wait() {
  emulator::copy_wait(LEFT);
}
inline void load_matrices(unsigned (&r)[4], const void* row, Site at = Site::current()) { emulator::load_matrices(r, row, false, at); }
inline void load_matrices_transposed(unsigned (&r)[4], const void* row, Site at = Site::current()) { emulator::load_matrices(r, row, true, at); }
inline void multiply_bf16(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Site at = Site::current()) {
  const unsigned b[2] = {b0, b1};
  emulator::multiply_bf16(d, a, b, at);
}

template <int SPACE, class V>
inline V load_from(const V* p) {
  return *p;
}
template <int SPACE, class V>
inline void store_to(V* p, V v) {
  *p = v;
}

#define HE_BOTH
#define HE_UNROLL
#define HE_TOUCH_GLOBAL(ADDRESS, BYTES, USE) ::he::emulator::touch_global(ADDRESS, BYTES, ::he::emulator::Use::USE)
#define HE_TOUCH_SHARED(ADDRESS, BYTES, USE) ::he::emulator::touch_shared(ADDRESS, BYTES, ::he::emulator::Use::USE)

inline void* shared_bytes_at(int offset, int bytes) { return emulator::shared_memory(static_cast<size_t>(offset), static_cast<size_t>(bytes)); }

}  // namespace he::cuda
