#include "cuda/emulator/operations.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "cuda/emulator/block.h"
#include "cuda/emulator/device_memory.h"
#include "cuda/emulator/fault.h"

namespace he::emulator {
namespace {

Block& block() { return *Block::current(); }

void require_aligned(const void* address, size_t bytes, const char* memory) {
  if (reinterpret_cast<uintptr_t>(address) % bytes)
    fault("touches " + std::to_string(bytes) + " bytes of " + memory + " memory at an address that is no multiple of " + std::to_string(bytes));
}

size_t shared_offset(const void* address, size_t bytes) {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(block().shared());
  if (offset > block().shared_bytes() || bytes > block().shared_bytes() - offset)
    fault("touches shared memory out of bounds: " + std::to_string(bytes) + " bytes at byte " + std::to_string(static_cast<int64_t>(offset)) + " of " +
          std::to_string(block().shared_bytes()));
  block().use_shared();
  return offset;
}

float widen(uint32_t half) { return std::bit_cast<float>(half << 16); }

// Lane l holds of A (16 x 16) rows l/4 and l/4 + 8, columns 2(l%4), +1, and those + 8; of B (16 x 8) the same columns as rows, column l/4; of C and D (16 x 8) as of A.
// Products are exact in float32; a GPU adds them in an order of its own, this one by ascending k.
void multiply(WarpOperation& w) {
  float a[16][16], b[16][8], d[16][8];
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    const unsigned row = lane / 4, pair = lane % 4 * 2;
    const auto* as = static_cast<const uint32_t*>(w.in[lane]);
    const auto* bs = static_cast<const uint32_t*>(w.more[lane]);
    const auto* c = static_cast<const float*>(w.out[lane]);
    for (unsigned i = 0; i < 4; ++i) {
      a[row + i % 2 * 8][pair + i / 2 * 8] = widen(as[i] & 0xffff);
      a[row + i % 2 * 8][pair + i / 2 * 8 + 1] = widen(as[i] >> 16);
      d[row + i / 2 * 8][pair + i % 2] = c[i];
    }
    for (unsigned i = 0; i < 2; ++i) b[pair + i * 8][row] = widen(bs[i] & 0xffff), b[pair + i * 8 + 1][row] = widen(bs[i] >> 16);
  }
  for (unsigned i = 0; i < 16; ++i)
    for (unsigned k = 0; k < 16; ++k)
      for (unsigned j = 0; j < 8; ++j) d[i][j] += a[i][k] * b[k][j];
  for (unsigned lane = 0; lane < kWarp; ++lane)
    for (unsigned i = 0; i < 4; ++i) static_cast<float*>(w.out[lane])[i] = d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
}

// Lane 8m + r brings the address of row r of matrix m; lane l gets of each matrix row l/4, columns 2(l%4) and +1 (transposed: the same of its transpose).
template <bool kTransposed>
void load(WarpOperation& w) {
  for (unsigned m = 0; m < 4; ++m) {
    uint16_t x[8][8];
    for (unsigned r = 0; r < 8; ++r) std::memcpy(x[r], w.in[m * 8 + r], 16);
    for (unsigned lane = 0; lane < kWarp; ++lane) {
      const unsigned i = lane / 4, j = lane % 4 * 2;
      const uint32_t low = kTransposed ? x[j][i] : x[i][j], high = kTransposed ? x[j + 1][i] : x[i][j + 1];
      static_cast<uint32_t*>(w.out[lane])[m] = low | high << 16;
    }
  }
}

void exchange(WarpOperation& w) {
  for (unsigned lane = 0; lane < kWarp; ++lane)
    std::memcpy(w.out[lane], w.in[*static_cast<const unsigned*>(w.more[lane])], sizeof(uint32_t));
}

void ballot(WarpOperation& w) {
  uint32_t votes = 0;
  for (unsigned lane = 0; lane < kWarp; ++lane) votes |= static_cast<uint32_t>(*static_cast<const bool*>(w.in[lane])) << lane;
  for (unsigned lane = 0; lane < kWarp; ++lane) *static_cast<uint32_t*>(w.out[lane]) = votes;
}

}  // namespace

void touch_global(const void* address, size_t bytes, Use use) {
  require_aligned(address, bytes, "global");
  Allocation& a = allocation_of(address, bytes);
  const size_t offset = static_cast<size_t>(static_cast<const std::byte*>(address) - a.data());
  use == Use::kRead ? a.shadow().read(offset, bytes, block().access()) : a.shadow().write(offset, bytes, block().access());
}

void touch_shared(const void* address, size_t bytes, Use use) {
  const size_t offset = shared_offset(address, bytes);
  require_aligned(address, bytes, "shared");
  Shadow& s = block().shared_shadow();
  use == Use::kRead ? s.read(offset, bytes, block().access()) : s.write(offset, bytes, block().access());
}

void* shared_memory(size_t offset, size_t bytes) {
  void* p = block().shared() + offset;
  shared_offset(p, bytes);
  return p;
}

unsigned thread_index() { return block().self().id; }
unsigned thread_count() { return block().threads(); }
unsigned block_index(int axis) { return axis == 0 ? block().where().x : axis == 1 ? block().where().y : block().where().z; }
unsigned grid_size(int axis) { return axis == 0 ? block().grid().x : axis == 1 ? block().grid().y : block().grid().z; }

void synchronize_block(const Site& at) { block().synchronize(at); }

void synchronize_warp(const Site& at) {
  ++block().self().warp_epoch;
  block().together("a warp barrier", nullptr, nullptr, nullptr, nullptr, at);
}

uint32_t shuffle_xor(uint32_t value, unsigned mask, const Site& at) { return shuffle(value, block().self().lane ^ mask, at); }

uint32_t shuffle(uint32_t value, unsigned lane, const Site& at) {
  if (lane >= kWarp) fault("shuffles from lane " + std::to_string(lane));
  uint32_t result = 0;
  block().together("a shuffle", &value, &lane, &result, exchange, at);
  return result;
}

uint32_t vote(bool yes, const Site& at) {
  uint32_t result = 0;
  block().together("a vote", &yes, nullptr, &result, ballot, at);
  return result;
}

void copy_async(void* shared, const void* global, unsigned bytes) {
  if (bytes != 0 && bytes != 16) fault("copies " + std::to_string(bytes) + " bytes asynchronously, expected 16, or 0 to clear");
  require_aligned(shared, 16, "shared");
  block().shared_shadow().begin_copy(shared_offset(shared, 16), 16, block().access());
  if (bytes) touch_global(global, bytes, Use::kRead);
  block().self().open.push_back({static_cast<std::byte*>(shared), static_cast<const std::byte*>(global), bytes});
}

void copy_commit() {
  Thread& t = block().self();
  t.groups.push_back(std::move(t.open));
  t.open.clear();
}

void copy_wait(unsigned groups_left) {
  Thread& t = block().self();
  while (t.groups.size() > groups_left) {
    for (const PendingCopy& c : t.groups.front()) {
      std::memset(c.to, 0, 16);
      if (c.bytes) std::memcpy(c.to, c.from, c.bytes);
      block().shared_shadow().end_copy(shared_offset(c.to, 16), 16, block().access());
    }
    t.groups.erase(t.groups.begin());
  }
}

void load_matrices(uint32_t (&to)[4], const void* row, bool transposed, const Site& at) {
  touch_shared(row, 16, Use::kRead);
  block().together(transposed ? "a transposed matrix load" : "a matrix load", row, nullptr, to, transposed ? load<true> : load<false>, at);
}

void multiply_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Site& at) {
  block().together("a matrix product", a, b, d, multiply, at);
}

uint16_t round_bf16(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x);
  if (std::isnan(x)) return 0x7fff;
  return static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

float widen_half(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent == 0) return std::copysign(std::ldexp(static_cast<float>(fraction), -24), std::bit_cast<float>(sign));
  return std::bit_cast<float>(sign | (exponent == 31 ? 255u : exponent + 112u) << 23 | fraction << 13);
}

}  // namespace he::emulator
