#include "core/peak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace he {

namespace {

constexpr int64_t kLoops = 300000;  // one or two milliseconds

double multiply_add_scalar() {
  float sums[8] = {}, x = 1.0001f;
  for (int64_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 8
    for (float& sum : sums) sum = x * 0.5f + sum;
    __asm__ volatile("" : "+m"(sums), "+m"(x));
  }
  return static_cast<double>(kLoops) * 8 * 2;
}

#if defined(__x86_64__)

// The loops are assembly, so that no compiler decides what the roof is. Independent sums hide the latency of the instruction: twelve in
// registers 0 to 11, and for the wide ones, some of whose latencies pass six cycles at two a cycle, twelve more in 16 to 27. Operands stand
// in 14 and 15.
#define HE_CLOBBERED \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc"
#define HE_CLOBBERED_WIDE \
  HE_CLOBBERED, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27"
#define HE_LOW(STEP) STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11)
#define HE_HIGH(STEP) STEP(16) STEP(17) STEP(18) STEP(19) STEP(20) STEP(21) STEP(22) STEP(23) STEP(24) STEP(25) STEP(26) STEP(27)
#define HE_CLEAR(R) "vxorps %%xmm" #R ", %%xmm" #R ", %%xmm" #R "\n"
#define HE_CLEAR_WIDE(R) "vpxord %%zmm" #R ", %%zmm" #R ", %%zmm" #R "\n"

#define HE_ROOF_LOOP(NAME, TARGET, WIDTH, BITS, CLEAR, STEPS, CLOBBERED, OPERATIONS)                                     \
  __attribute__((target(TARGET))) double NAME() {                                                                        \
    const uint32_t operand = BITS;                                                                                       \
    int64_t loops = kLoops;                                                                                              \
    __asm__ volatile("vbroadcastss %1, %%" WIDTH "14\n vbroadcastss %1, %%" WIDTH "15\n" CLEAR ".balign 32\n 1:\n" STEPS \
                     "decq %0\n jnz 1b\n vzeroupper\n"                                                                   \
                     : "+r"(loops)                                                                                       \
                     : "m"(operand)                                                                                      \
                     : CLOBBERED);                                                                                       \
    return static_cast<double>(kLoops) * OPERATIONS;                                                                     \
  }
#define HE_ROOF_YMM(NAME, TARGET, BITS, STEP, OPERATIONS) \
  HE_ROOF_LOOP(NAME, TARGET, "ymm", BITS, HE_LOW(HE_CLEAR), HE_LOW(STEP), HE_CLOBBERED, 12 * OPERATIONS)
#define HE_ROOF_ZMM(NAME, TARGET, BITS, STEP, OPERATIONS)                                                                              \
  HE_ROOF_LOOP(NAME, TARGET, "zmm", BITS, HE_LOW(HE_CLEAR_WIDE) HE_HIGH(HE_CLEAR_WIDE), HE_LOW(STEP) HE_HIGH(STEP), HE_CLOBBERED_WIDE, \
               24 * OPERATIONS)

#define HE_FMA_YMM(R) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #R "\n"
#define HE_FMA_ZMM(R) "vfmadd231ps %%zmm14, %%zmm15, %%zmm" #R "\n"
#define HE_BF16_DOT(R) "vdpbf16ps %%zmm14, %%zmm15, %%zmm" #R "\n"
#define HE_INT8_DOT(R) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #R "\n"
HE_ROOF_YMM(fma_avx2, "avx2,fma", 0x3F000000, HE_FMA_YMM, 8 * 2)
HE_ROOF_ZMM(fma_avx512, "avx512f", 0x3F000000, HE_FMA_ZMM, 16 * 2)
HE_ROOF_ZMM(bf16_dot, "avx512f", 0x3F003F00, HE_BF16_DOT, 32 * 2)
HE_ROOF_ZMM(int8_dot, "avx512f", 0x03030303, HE_INT8_DOT, 64 * 2)

// Without a dot instruction: products of bytes in pairs to 16 bits, those in pairs to 32 bits, added.
#define HE_INT8_MADD(R) \
  "vpmaddubsw %%ymm14, %%ymm15, %%ymm13\n vpmaddwd %%ymm14, %%ymm13, %%ymm13\n vpaddd %%ymm13, %%ymm" #R ", %%ymm" #R "\n"
HE_ROOF_YMM(int8_madd, "avx2", 0x03030303, HE_INT8_MADD, 32 * 2)

#if defined(__linux__)
struct TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t bytes[16] = {};
  uint8_t rows[16] = {};
};

// Four accumulators of two by two operand tiles, as a kernel holds them. Tiles are released before it returns.
#define HE_ROOF_TILES(NAME, DOT, OPERATIONS)                            \
  __attribute__((target("amx-tile,amx-bf16,amx-int8"))) double NAME() { \
    TileShapes shapes;                                                  \
    for (int t = 0; t < 8; ++t) {                                       \
      shapes.bytes[t] = 64;                                             \
      shapes.rows[t] = 16;                                              \
    }                                                                   \
    __asm__ volatile("ldtilecfg %0" ::"m"(shapes)); /* GCC PR 114098 */ \
    _tile_zero(0);                                                      \
    _tile_zero(1);                                                      \
    _tile_zero(2);                                                      \
    _tile_zero(3);                                                      \
    _tile_zero(4);                                                      \
    _tile_zero(5);                                                      \
    _tile_zero(6);                                                      \
    _tile_zero(7);                                                      \
    for (int64_t i = 0; i < kLoops / 4; ++i) {                          \
      DOT(0, 4, 6);                                                     \
      DOT(1, 4, 7);                                                     \
      DOT(2, 5, 6);                                                     \
      DOT(3, 5, 7);                                                     \
    }                                                                   \
    _tile_release();                                                    \
    return static_cast<double>(kLoops / 4) * 4 * OPERATIONS;            \
  }

HE_ROOF_TILES(bf16_amx, _tile_dpbf16ps, 16 * 16 * 32 * 2)
HE_ROOF_TILES(int8_amx, _tile_dpbssd, 16 * 16 * 64 * 2)

// The system grants tile state to a process that asks for it.
bool tiles_granted() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif
#endif

}  // namespace

// Every kind but fused multiply-adds that this CPU has.
static std::vector<Instruction> dot_instructions() {
  std::vector<Instruction> found;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) found.push_back({"int8 madd", int8_madd});
  if (__builtin_cpu_supports("avx512bf16")) found.push_back({"bf16 dot", bf16_dot});
  if (__builtin_cpu_supports("avx512vnni")) found.push_back({"int8 dot", int8_dot});
#if defined(__linux__)
  if (tiles_granted()) {
    found.push_back({"bf16 amx", bf16_amx});
    found.push_back({"int8 amx", int8_amx});
  }
#endif
#endif
  return found;
}

Instruction instruction_of(const std::string& type, const std::string& isa, const std::string& engine) {
  const std::vector<Instruction> dots = dot_instructions();
  // Bytes have an instruction of their own in every vector set.
  for (const std::string& name : {type + " " + engine, std::string(type == "int8" && isa != "scalar" ? "int8 madd" : "")})
    for (const Instruction& i : dots)
      if (i.name == name) return i;
#if defined(__x86_64__)
  if (isa == "avx512") return {"fma, avx512", fma_avx512};
  if (isa == "avx2") return {"fma, avx2", fma_avx2};
#endif
  return {"multiply-add, " + isa, multiply_add_scalar};
}

double peak_rate(ThreadPool& pool, const Instruction& instruction) {
  double best = 0;
  for (int repetition = 0; repetition < 40; ++repetition) {  // a tenth of a second: longer than a host's compiler keeps a core
    std::vector<double> operations(static_cast<size_t>(pool.size()));
    const auto begin = std::chrono::steady_clock::now();
    pool.parallel_for(pool.size(), [&](int64_t index) { operations[static_cast<size_t>(index)] = instruction.loop(); });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    double sum = 0;
    for (const double o : operations) sum += o;
    best = std::max(best, sum / seconds);
  }
  return best;
}

}  // namespace he
