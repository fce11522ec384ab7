// What a kernel may use beside its arguments: the context's threads, scratch memory and cache sizes.
#pragma once
#include <cstdint>

#include "core/thread_pool.h"
#include "core/scratch.h"

namespace he {

namespace cpu {
struct NarrowKernels;  // cpu/narrow/narrow.h
}

struct CacheSizes {
  int64_t l1, l2, l3;  // bytes of one core's L1 data cache and L2, and of the last level
};

// Of the machine; usual values where the system does not say.
CacheSizes cache_sizes();

struct Resources {
  ThreadPool& pool;
  Scratch& scratch;
  const CacheSizes& cache;
  const cpu::NarrowKernels& narrow;  // of the engine that the context chose
};

}  // namespace he
