// The matrix unit (AMX): eight tiles of 16 rows of 64 bytes, and two products of tiles. Where the compiler targets it, its instructions; in the emulated engine
// the same in plain C++, by the manual's pseudo-code, so that everything around it is tested on every machine.
//
// TileScope configures the tiles of the calling thread and releases them when it ends: no configuration outlives a task.
#pragma once
#include "cpu/simd/v16.h"

HE_ISA_BEGIN

static constexpr int kTileSide = 16;   // rows of a tile, and 32-bit words of a row
static constexpr int kTileBytes = 64;  // of a row

#if defined(HE_AMX_EMULATED)

struct TileUnit {
  struct Register {
    uint8_t row[kTileSide][kTileBytes];
  };
  Register tile[8];
};

static inline TileUnit& tile_unit() {
  static thread_local TileUnit unit;
  return unit;
}

class TileScope {
 public:
  TileScope() = default;
  ~TileScope() { memset(&tile_unit(), 0, sizeof(TileUnit)); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

template <int T>
static inline void tile_zero() {
  memset(&tile_unit().tile[T], 0, sizeof(TileUnit::Register));
}
template <int T>
static inline void tile_load(const void* from, int64_t stride) {  // stride in bytes
  for (int i = 0; i < kTileSide; ++i) memcpy(tile_unit().tile[T].row[i], static_cast<const uint8_t*>(from) + i * stride, kTileBytes);
}
template <int T>
static inline void tile_store(void* to, int64_t stride) {
  for (int i = 0; i < kTileSide; ++i) memcpy(static_cast<uint8_t*>(to) + i * stride, tile_unit().tile[T].row[i], kTileBytes);
}

static inline float tile_flush(float x) { return fabsf(x) < 1.17549435e-38f ? copysignf(0.0f, x) : x; }  // denormals are zero, in and out

// C[m][n] += sum over 16 pairs k of A[m][k] B[k][n]: the even and the odd elements in a chain of their own, ascending from 0, added to one another, then to C.
template <int C, int A, int B>
static inline void tile_dot_bf16() {
  TileUnit& u = tile_unit();
  uint16_t a[2 * kTileSide], b[2 * kTileSide];
  float c[kTileSide], even[kTileSide], odd[kTileSide];
  auto wide = [](uint16_t x) {
    const uint32_t bits = static_cast<uint32_t>(x) << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return tile_flush(f);
  };
  for (int m = 0; m < kTileSide; ++m) {
    memcpy(a, u.tile[A].row[m], sizeof a);
    memcpy(c, u.tile[C].row[m], sizeof c);
    for (int n = 0; n < kTileSide; ++n) even[n] = odd[n] = 0.0f;
    for (int k = 0; k < kTileSide; ++k) {
      memcpy(b, u.tile[B].row[k], sizeof b);
      for (int n = 0; n < kTileSide; ++n) {
        even[n] = tile_flush(fmaf(wide(a[2 * k]), wide(b[2 * n]), even[n]));
        odd[n] = tile_flush(fmaf(wide(a[2 * k + 1]), wide(b[2 * n + 1]), odd[n]));
      }
    }
    for (int n = 0; n < kTileSide; ++n) c[n] = tile_flush(tile_flush(c[n]) + tile_flush(even[n] + odd[n]));
    memcpy(u.tile[C].row[m], c, sizeof c);
  }
}

// C[m][n] += sum over 16 groups k of four signed bytes of A[m][k] and unsigned ones of B[k][n]; exact in 32 bits.
template <int C, int A, int B>
static inline void tile_dot_int8() {
  TileUnit& u = tile_unit();
  for (int m = 0; m < kTileSide; ++m) {
    int32_t c[kTileSide];
    memcpy(c, u.tile[C].row[m], sizeof c);
    for (int k = 0; k < kTileSide; ++k)
      for (int n = 0; n < kTileSide; ++n)
        for (int i = 0; i < 4; ++i) c[n] += static_cast<int8_t>(u.tile[A].row[m][4 * k + i]) * u.tile[B].row[k][4 * n + i];
    memcpy(u.tile[C].row[m], c, sizeof c);
  }
}

#else

class TileScope {
 public:
  TileScope() {
    alignas(64) uint8_t configuration[64] = {1};  // palette 1
    for (int t = 0; t < 8; ++t) {
      configuration[16 + 2 * t] = kTileBytes;
      configuration[48 + t] = kTileSide;
    }
    // In assembly: GCC's intrinsic before 13.3 says that it reads eight bytes, and the stores to the others are dropped (PR 114098).
    __asm__ volatile("ldtilecfg %0" ::"m"(configuration));
  }
  ~TileScope() { __asm__ volatile("tilerelease" ::: "memory"); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

// In assembly, because the compilers' intrinsics paste the tile's number into a name and so take literals only.
template <int T>
static inline void tile_zero() {
  __asm__ volatile("tilezero %%tmm%c0" ::"i"(T));
}
template <int T>
static inline void tile_load(const void* from, int64_t stride) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(T) : "memory");
}
template <int T>
static inline void tile_store(void* to, int64_t stride) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(T) : "memory");
}
template <int C, int A, int B>
static inline void tile_dot_bf16() {
  __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
}
template <int C, int A, int B>
static inline void tile_dot_int8() {
  __asm__ volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
}

#endif

HE_ISA_END
