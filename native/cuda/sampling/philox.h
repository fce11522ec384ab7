// Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011): the CPU's draws.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

/// Word 0 of the generator, its upper 24 bits: u = this * 2^-24.
HE_GPU unsigned philox_draw(unsigned long long seed, unsigned long long request, unsigned choice, unsigned position) {
  unsigned c0 = position, c1 = choice, c2 = static_cast<unsigned>(request), c3 = static_cast<unsigned>(request >> 32);
  unsigned k0 = static_cast<unsigned>(seed), k1 = static_cast<unsigned>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const unsigned long long a = 0xD2511F53ull * c0, b = 0xCD9E8D57ull * c2;
    const unsigned n0 = static_cast<unsigned>(b >> 32) ^ c1 ^ k0, n2 = static_cast<unsigned>(a >> 32) ^ c3 ^ k1;
    c0 = n0, c1 = static_cast<unsigned>(b), c2 = n2, c3 = static_cast<unsigned>(a);
    k0 += 0x9E3779B9u;  // the golden ratio
    k1 += 0xBB67AE85u;  // sqrt(3) - 1
  }
  return c0 >> 8;
}

}  // namespace he::cuda
