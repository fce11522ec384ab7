// A block of a GGUF type taken apart: its float16 constants, its small scales, and its numbers in the order of the inputs, unsigned (cpu/compact/block.h).
#pragma once
#include "cpu/compact/compact.h"
#include "cpu/simd/isa.h"

HE_ISA_BEGIN

static constexpr int kMostNumbers = 256;

struct StoredBlock {
  const uint8_t* halves;          // float16 d, and m or dmin where the type has one
  uint8_t scales[2][16];          // of K types: [unit of 16] in [0]; or of Q4_K and Q5_K scales [part of 32] and minima [part of 32]
  uint8_t number[kMostNumbers];
};

// Sixteen bits of six: eight scales and eight minima, the first four of each in the low bits of bytes 0 to 7, the others spread over bytes 8 to 11 and the top bits.
static inline void read_six_bits(const uint8_t* s, StoredBlock& b) {
  for (int i = 0; i < 4; ++i) {
    b.scales[0][i] = s[i] & 63;
    b.scales[1][i] = s[i + 4] & 63;
    b.scales[0][i + 4] = static_cast<uint8_t>((s[i + 8] & 15) | s[i] >> 6 << 4);
    b.scales[1][i + 4] = static_cast<uint8_t>(s[i + 8] >> 4 | s[i + 4] >> 6 << 4);
  }
}

static inline void read_q2_k(const uint8_t* from, StoredBlock& b) {
  b.halves = from + 80;
  for (int unit = 0; unit < 16; ++unit) {
    b.scales[0][unit] = from[unit];
    for (int i = 0; i < 16; ++i) b.number[16 * unit + i] = from[16 + unit / 8 * 32 + unit % 2 * 16 + i] >> unit / 2 % 4 * 2 & 3;
  }
}

static inline void read_q3_k(const uint8_t* from, StoredBlock& b) {
  const uint8_t* s = from + 96;
  b.halves = from + 108;
  for (int unit = 0; unit < 16; ++unit) {
    const int low = s[unit % 8] >> unit / 8 * 4 & 15, high = s[8 + unit % 4] >> unit / 4 * 2 & 3;
    b.scales[0][unit] = static_cast<uint8_t>((low | high << 4) - 32);
    for (int i = 0; i < 16; ++i) {
      const int at = unit % 2 * 16 + i, two = from[32 + unit / 8 * 32 + at] >> unit / 2 % 4 * 2 & 3;
      b.number[16 * unit + i] = static_cast<uint8_t>(two | (from[at] >> unit / 2 & 1) << 2);
    }
  }
}

// Q4_K, and Q5_K with the fifth bits before the nibbles.
static inline void read_q45_k(const uint8_t* from, bool fifth, StoredBlock& b) {
  b.halves = from;
  read_six_bits(from + 4, b);
  const uint8_t* nibbles = from + (fifth ? 48 : 16);
  for (int part = 0; part < 8; ++part)
    for (int i = 0; i < 32; ++i) {
      const int low = nibbles[part / 2 * 32 + i] >> part % 2 * 4 & 15;
      b.number[32 * part + i] = static_cast<uint8_t>(fifth ? low | (from[16 + i] >> part & 1) << 4 : low);
    }
}

static inline void read_q6_k(const uint8_t* from, StoredBlock& b) {
  b.halves = from + 208;
  for (int unit = 0; unit < 16; ++unit) {
    b.scales[0][unit] = from[192 + unit];
    const int half = unit / 8, chunk = unit / 2 % 4, side = unit % 2 * 16;
    for (int i = 0; i < 16; ++i) {
      const int low = from[half * 64 + chunk % 2 * 32 + side + i] >> chunk / 2 * 4 & 15, high = from[128 + half * 32 + side + i] >> chunk * 2 & 3;
      b.number[16 * unit + i] = static_cast<uint8_t>(low | high << 4);
    }
  }
}

static inline void read_block(CompactType type, const uint8_t* from, StoredBlock& b) {
  b.halves = from;
  switch (type) {
    case CompactType::q8_0:
      for (int i = 0; i < 32; ++i) b.number[i] = from[2 + i] ^ 0x80;  // int8 plus 128
      return;
    case CompactType::q4_0:
    case CompactType::q4_1: {
      const uint8_t* nibbles = from + (type == CompactType::q4_0 ? 2 : 4);
      for (int i = 0; i < 16; ++i) {
        b.number[i] = nibbles[i] & 15;
        b.number[16 + i] = nibbles[i] >> 4;
      }
      return;
    }
    case CompactType::q2_k:
      return read_q2_k(from, b);
    case CompactType::q3_k:
      return read_q3_k(from, b);
    case CompactType::q4_k:
      return read_q45_k(from, false, b);
    case CompactType::q5_k:
      return read_q45_k(from, true, b);
    case CompactType::q6_k:
      return read_q6_k(from, b);
    case CompactType::bfloat16:
    case CompactType::float16:
      return;
  }
}

HE_ISA_END
