#pragma once
#include <string>

#include "cuda/emulator/block.h"

namespace he::emulator {

/// Runs every block of the grid, one after the other. Throws Fault.
template <class Arguments>
void launch(const std::string& name, void (*kernel)(Arguments), Index grid, unsigned threads, size_t shared_bytes, const Arguments& arguments, const Options& options = {}) {
  Block block(name, grid, threads, shared_bytes, [&] { kernel(arguments); }, options);
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) block.run({x, y, z});
}

}  // namespace he::emulator
