#include "core/matrix_unit.h"
#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace he {

#if defined(__x86_64__) && defined(__linux__)

namespace {

constexpr unsigned kTileBits = 1u << 22 | 1u << 24 | 1u << 25;  // bf16, tile, int8: leaf 7, edx
constexpr unsigned kTileState = 3u << 17;                       // configuration and data: XCR0
constexpr unsigned kOsSaves = 1u << 27;                         // OSXSAVE: leaf 1, ecx
constexpr int kRequestPermission = 0x1023, kTileData = 18;      // arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)

unsigned enabled_state() {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

bool ask() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & kOsSaves) == 0 || (enabled_state() & kTileState) != kTileState) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kTileBits) != kTileBits) return false;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool has_matrix_unit() {
  static const bool has = ask();
  return has;
}

#else

bool has_matrix_unit() { return false; }

#endif

}  // namespace he
