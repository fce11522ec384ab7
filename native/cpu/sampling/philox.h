// Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011): a counter and a key to four random words.
#pragma once
#include <cstdint>

#include "cpu/simd/isa.h"

HE_ISA_BEGIN

struct Philox {
  uint32_t word[4];
};

static inline Philox philox(const uint32_t counter[4], const uint32_t key[2]) {
  uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * c[0], b = uint64_t{0xCD9E8D57} * c[2];
    const uint32_t next[4] = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(b),
                              static_cast<uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(a)};
    for (int i = 0; i < 4; ++i) c[i] = next[i];
    k[0] += 0x9E3779B9;  // the golden ratio
    k[1] += 0xBB67AE85;  // sqrt(3) - 1
  }
  return {{c[0], c[1], c[2], c[3]}};
}

// Uniform in [0, 1), 24 bits, for the draw of one position.
static inline float philox_uniform(int64_t seed, int64_t request, int32_t choice, int32_t position) {
  const uint64_t s = static_cast<uint64_t>(seed), r = static_cast<uint64_t>(request);
  const uint32_t key[2] = {static_cast<uint32_t>(s), static_cast<uint32_t>(s >> 32)};
  const uint32_t counter[4] = {static_cast<uint32_t>(position), static_cast<uint32_t>(choice), static_cast<uint32_t>(r),
                               static_cast<uint32_t>(r >> 32)};
  return static_cast<float>(philox(counter, key).word[0] >> 8) * 0x1p-24f;
}

HE_ISA_END
