// Chooses the instruction set once, when a context is made.
#include <stdexcept>
#include <vector>

#include "core/context.h"

namespace he {

// Each instruction set's object library defines its own (cpu/table.cpp, compiled once per set).
namespace cpu::scalar {
KernelTable kernel_table();
}
#if defined(HE_HAVE_AVX2)
namespace cpu::avx2 {
KernelTable kernel_table();
}
#endif
#if defined(HE_HAVE_AVX512)
namespace cpu::avx512 {
KernelTable kernel_table();
}
#endif

static const std::vector<Isa>& isas() {
  static const std::vector<Isa> list = [] {
    std::vector<Isa> found;
#if defined(HE_HAVE_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      found.push_back({"avx512", cpu::avx512::kernel_table()});
#endif
#if defined(HE_HAVE_AVX2)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) found.push_back({"avx2", cpu::avx2::kernel_table()});
#endif
    found.push_back({"scalar", cpu::scalar::kernel_table()});
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

}  // namespace he
