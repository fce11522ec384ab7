// Chooses the instruction set and the matrix engine once, when a context is made.
#include <cstring>
#include <stdexcept>
#include <vector>

#include "core/context.h"
#include "core/matrix_unit.h"

namespace he {

// Each instruction set's object library defines its own (cpu/table.cpp and cpu/narrow/narrow.cpp, compiled once per set); each matrix engine's the second only.
namespace cpu::scalar {
KernelTable kernel_table();
NarrowKernels narrow_kernels();
}
namespace cpu::amx_emulated {
NarrowKernels narrow_kernels();
}
#if defined(HE_HAVE_AVX2)
namespace cpu::avx2 {
KernelTable kernel_table();
NarrowKernels narrow_kernels();
}
#endif
#if defined(HE_HAVE_AVX512)
namespace cpu::avx512 {
KernelTable kernel_table();
NarrowKernels narrow_kernels();
}
#endif
#if defined(HE_HAVE_AVX512DOT)
namespace cpu::avx512dot {
NarrowKernels narrow_kernels();
}
#endif
#if defined(HE_HAVE_AMX)
namespace cpu::amx {
NarrowKernels narrow_kernels();
}
#endif

static const std::vector<Isa>& isas() {
  static const std::vector<Isa> list = [] {
    std::vector<Isa> found;
#if defined(HE_HAVE_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      found.push_back({"avx512", cpu::avx512::kernel_table(), cpu::avx512::narrow_kernels()});
#endif
#if defined(HE_HAVE_AVX2)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) found.push_back({"avx2", cpu::avx2::kernel_table(), cpu::avx2::narrow_kernels()});
#endif
    found.push_back({"scalar", cpu::scalar::kernel_table(), cpu::scalar::narrow_kernels()});
    return found;
  }();
  return list;
}

std::string available_isas() {
  std::string names;
  for (const Isa& isa : isas()) names += (names.empty() ? "" : ",") + std::string(isa.name);
  return names;
}

const Isa& select_isa(const std::string& name, const char* source) {
  if (name.empty()) return isas().front();
  for (const Isa& isa : isas())
    if (name == isa.name) return isa;
  throw std::invalid_argument(std::string(source) + ": found '" + name + "', expected one of " + available_isas() + " on this machine");
}

namespace {

struct Engine {
  std::string name;
  cpu::NarrowKernels kernels;
};

// vdpbf16ps runs at twice the rate of multiply-adds on AMD's cores that have it, and slower than they do on Sapphire Rapids.
bool dot_pays() {
#if defined(HE_HAVE_AVX512DOT)
  return __builtin_cpu_is("amd") != 0;
#else
  return false;
#endif
}

// Best first; what runs but does not pay comes after "fma".
std::vector<Engine> engines(const Isa& isa) {
  std::vector<Engine> found;
  [[maybe_unused]] const bool wide = std::strcmp(isa.name, "avx512") == 0;
#if defined(HE_HAVE_AMX)
  if (wide && has_matrix_unit()) found.push_back({"amx", cpu::amx::narrow_kernels()});
#endif
  found.push_back({"fma", isa.narrow});
#if defined(HE_HAVE_AVX512DOT)
  if (wide && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni"))
    found.insert(dot_pays() ? found.end() - 1 : found.end(), {"dot", cpu::avx512dot::narrow_kernels()});
#endif
  found.push_back({"amx_emulated", cpu::amx_emulated::narrow_kernels()});
  return found;
}

}  // namespace

std::string available_engines(const Isa& isa) {
  std::string names;
  for (const Engine& engine : engines(isa)) names += (names.empty() ? "" : ",") + engine.name;
  return names;
}

cpu::NarrowKernels select_engine(const Isa& isa, const std::string& name, const char* source) {
  const std::vector<Engine> list = engines(isa);
  if (name.empty()) {
    // The dot product of bytes pays wherever it is, and every engine of theirs gives the same bits.
    cpu::NarrowKernels best = list.front().kernels;
    for (const Engine& engine : list)
      if (engine.name == "dot" && list.front().name == "fma") best.int8 = engine.kernels.int8;
    return best;
  }
  for (const Engine& engine : list)
    if (name == engine.name) return engine.kernels;
  throw std::invalid_argument(std::string(source) + ": found '" + name + "', expected one of " + available_engines(isa) + " beside " + isa.name + " on this machine");
}

}  // namespace he
