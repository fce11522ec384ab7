// The emulated device's memory: allocations that know their bounds.
#pragma once
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cuda/emulator/fault.h"
#include "cuda/emulator/shadow.h"

namespace he::emulator {

/// One allocation, 256-byte aligned as the driver's; what surrounds it belongs to no other.
class Allocation {
 public:
  explicit Allocation(size_t bytes);
  ~Allocation();
  Allocation(const Allocation&) = delete;
  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  Shadow& shadow() { return shadow_; }

 private:
  size_t bytes_;
  std::unique_ptr<std::byte[]> memory_;
  std::byte* data_;
  Shadow shadow_;
};

/// The allocation that holds all of these bytes; a fault when there is none.
Allocation& allocation_of(const void* address, size_t bytes);

/// An array on the emulated device.
template <class T>
class DeviceArray {
 public:
  /// Nothing is written yet: reading it is a fault. Bytes are those of NaNs.
  explicit DeviceArray(size_t count) : count_(count), memory_(std::make_unique<Allocation>(count * sizeof(T))) {}
  DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    if (count_) std::memcpy(memory_->data(), values.data(), count_ * sizeof(T));
    memory_->shadow().initialise();
  }
  T* data() const { return reinterpret_cast<T*>(memory_->data()); }
  operator T*() const { return data(); }
  size_t size() const { return count_; }

  /// What is there; a fault when something was never written.
  std::vector<T> values() const {
    const int64_t hole = memory_->shadow().first_uninitialised();
    if (hole >= 0) fault("element " + std::to_string(static_cast<size_t>(hole) / sizeof(T)) + " of " + std::to_string(count_) + " was never written");
    return std::vector<T>(data(), data() + count_);
  }

 private:
  size_t count_;
  std::unique_ptr<Allocation> memory_;
};

}  // namespace he::emulator
