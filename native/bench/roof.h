// What this machine can do: fused multiply-adds in registers and reading of memory, measured in the same run as the kernels.
#pragma once
#include <string>

namespace he::bench {

// Operations a second (a fused multiply-add counts two) of the named instruction set ("scalar": one lane at a time), over this many threads at once.
double fma_rate(const std::string& isa, int threads);

// Bytes read a second from memory beyond the caches.
double read_rate(int threads);

}  // namespace he::bench
