// A context: the kernel table of one instruction set, the matrix engine beside it, and the threads that run both.
#pragma once
#include <string>

#include "core/kernel_table.h"
#include "cpu/narrow/narrow.h"
#include "core/resources.h"
#include "hybridengine/he.h"

namespace he {

struct Isa {
  const char* name;
  KernelTable kernels;
  cpu::NarrowKernels narrow;  // the engine that needs nothing else
};

// Names that this build holds and this CPU can run, best first, comma-separated.
std::string available_isas();

// The named instruction set, or the best for an empty name; throws std::invalid_argument naming who asked (source) and what there is.
const Isa& select_isa(const std::string& name, const char* source = "instruction set");

// Matrix engines that this build holds and this CPU can run beside an instruction set, best first, comma-separated: "amx", "dot", "fma"; and "amx_emulated", for tests.
std::string available_engines(const Isa& isa);

// The named matrix engine, or the best for an empty name; throws as select_isa does.
cpu::NarrowKernels select_engine(const Isa& isa, const std::string& name, const char* source = "matrix engine");

}  // namespace he

struct he_context {
  he_context(const he::Isa& isa_, const he::cpu::NarrowKernels& narrow_, int threads)
      : isa(isa_), narrow(narrow_), pool(threads), scratch(pool.size()), cache(he::cache_sizes()) {}
  he::Resources resources() { return {pool, scratch, cache, narrow}; }

  const he::Isa& isa;
  he::cpu::NarrowKernels narrow;
  he::ThreadPool pool;
  he::Scratch scratch;  // kept between calls
  he::CacheSizes cache;
};
