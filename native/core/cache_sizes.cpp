#include "core/resources.h"

#include <algorithm>
#include <cstdio>
#if defined(__linux__)
#include <unistd.h>
#endif

namespace he {

namespace {

// The last level that one core sees, as the kernel says; 0 where it says nothing. On AMD's processors the C library reports the sum over all groups of cores
// (384 MiB for 32 MiB that two cores share), inside virtual machines too.
long shared_last_level() {
  long kilobytes = 0;
#if defined(__linux__)
  if (std::FILE* f = std::fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "r")) {
    if (std::fscanf(f, "%ldK", &kilobytes) != 1) kilobytes = 0;
    std::fclose(f);
  }
#endif
  return kilobytes << 10;
}

}  // namespace

CacheSizes cache_sizes() {
  CacheSizes c{32 << 10, 1 << 20, 8 << 20};
#if defined(__linux__) && defined(_SC_LEVEL2_CACHE_SIZE)
  if (const long n = sysconf(_SC_LEVEL1_DCACHE_SIZE); n > 0) c.l1 = n;
  if (const long n = sysconf(_SC_LEVEL2_CACHE_SIZE); n > 0) c.l2 = n;
  if (const long n = sysconf(_SC_LEVEL3_CACHE_SIZE); n > 0) c.l3 = n;
  if (const long n = shared_last_level(); n > 0) c.l3 = std::min<int64_t>(c.l3, n);
#endif
  return c;
}

}  // namespace he
