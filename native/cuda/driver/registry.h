// The kernels that the driver can run, by name. A family's file in kernels/ has a line for each of its own.
#pragma once
#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <string>

#include "cuda/emulator/launch.h"

namespace he::driver {

struct Kernel {
  std::string name;
  unsigned threads;       ///< of a block: what the kernel is written for
  size_t argument_bytes;  ///< of its one structure of arguments
  std::function<void(emulator::Index grid, size_t shared_bytes, const void* arguments, const emulator::Options& options)> run;
};

/// All kernels by name.
std::map<std::string, Kernel>& kernels();

struct Registration {
  template <class Arguments>
  Registration(const char* name, void (*kernel)(Arguments), unsigned threads) {
    kernels()[name] = {name, threads, sizeof(Arguments), [=](emulator::Index grid, size_t shared, const void* from, const emulator::Options& options) {
                         Arguments arguments;
                         std::memcpy(static_cast<void*>(&arguments), from, sizeof arguments);
                         emulator::launch(name, kernel, grid, threads, shared, arguments, options);
                       }};
  }
};

}  // namespace he::driver

/// Makes a kernel of namespace he::cuda known to the driver.
#define HE_EMULATED(NAME, THREADS) const ::he::driver::Registration registration_##NAME{#NAME, ::he::cuda::NAME, THREADS};
