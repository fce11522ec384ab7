#include "cuda/emulator/device_memory.h"

#include <map>

namespace he::emulator {
namespace {

constexpr size_t kAlignment = 256, kRedZone = 256;

std::map<uintptr_t, Allocation*>& allocations() {
  static std::map<uintptr_t, Allocation*> all;
  return all;
}

Allocation* last_found = nullptr;  // most accesses hit the allocation of the one before

uintptr_t address(const void* p) { return reinterpret_cast<uintptr_t>(p); }

bool holds(const Allocation& a, const void* p, size_t bytes) {
  return address(p) >= address(a.data()) && address(p) - address(a.data()) <= a.bytes() && bytes <= a.bytes() - (address(p) - address(a.data()));
}

}  // namespace

Allocation::Allocation(size_t bytes)
    : bytes_(bytes), memory_(std::make_unique_for_overwrite<std::byte[]>(bytes + kAlignment + 2 * kRedZone)), shadow_(bytes) {
  data_ = reinterpret_cast<std::byte*>((address(memory_.get()) + kRedZone + kAlignment - 1) / kAlignment * kAlignment);
  std::memset(data_, 0xff, bytes);
  allocations()[address(data_)] = this;
}

Allocation::~Allocation() {
  allocations().erase(address(data_));
  if (last_found == this) last_found = nullptr;
}

Allocation& allocation_of(const void* p, size_t bytes) {
  if (last_found && holds(*last_found, p, bytes)) return *last_found;
  const auto after = allocations().upper_bound(address(p));
  if (after == allocations().begin()) fault("touches global memory outside of every allocation");
  Allocation& nearest = *std::prev(after)->second;
  if (!holds(nearest, p, bytes))
    fault("touches global memory outside of every allocation: " + std::to_string(bytes) + " bytes at byte " +
          std::to_string(address(p) - address(nearest.data())) + " of one of " + std::to_string(nearest.bytes()));
  last_found = &nearest;
  return nearest;
}

}  // namespace he::emulator
