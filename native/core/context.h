// A context: the kernel table of one instruction set, and the threads that run it.
#pragma once
#include <string>

#include "core/kernel_table.h"
#include "core/resources.h"
#include "hybridengine/he.h"

namespace he {

struct Isa {
  const char* name;
  KernelTable kernels;
};

// Names that this build holds and this CPU can run, best first, comma-separated.
std::string available_isas();

// The named instruction set, or the best for an empty name; throws std::invalid_argument naming who asked (source) and what there is.
const Isa& select_isa(const std::string& name, const char* source = "instruction set");

}  // namespace he

struct he_context {
  he_context(const he::Isa& isa_, int threads) : isa(isa_), pool(threads), scratch(pool.size()), cache(he::cache_sizes()) {}
  he::Resources resources() { return {pool, scratch, cache}; }

  const he::Isa& isa;
  he::ThreadPool pool;
  he::Scratch scratch;  // kept between calls
  he::CacheSizes cache;
};
