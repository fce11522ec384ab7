#include "core/resources.h"
#if defined(__linux__)
#include <unistd.h>
#endif

namespace he {

CacheSizes cache_sizes() {
  CacheSizes c{32 << 10, 1 << 20, 8 << 20};
#if defined(__linux__) && defined(_SC_LEVEL2_CACHE_SIZE)
  if (const long n = sysconf(_SC_LEVEL1_DCACHE_SIZE); n > 0) c.l1 = n;
  if (const long n = sysconf(_SC_LEVEL2_CACHE_SIZE); n > 0) c.l2 = n;
  if (const long n = sysconf(_SC_LEVEL3_CACHE_SIZE); n > 0) c.l3 = n;
#endif
  return c;
}

}  // namespace he
