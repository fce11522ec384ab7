// Working memory of kernels: one piece a worker, grown before a parallel loop and kept, so that no call allocates after the first of its size.
#pragma once
#include <cstddef>
#include <cstdint>
#include <new>

namespace he {

class Scratch {
 public:
  explicit Scratch(int workers) : workers_(workers) {}
  ~Scratch() { release(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // Every worker's piece holds at least this many floats afterwards; contents are lost when it grows. Outside parallel loops only.
  void reserve(size_t floats) {
    const size_t rounded = (floats + kLine - 1) / kLine * kLine;
    if (rounded <= floats_) return;
    release();
    data_ = static_cast<float*>(::operator new(rounded * sizeof(float) * static_cast<size_t>(workers_), std::align_val_t{64}));
    floats_ = rounded;
  }

  // The piece of this worker, aligned to 64 bytes.
  float* of(int worker) const { return data_ + floats_ * static_cast<size_t>(worker); }

 private:
  static constexpr size_t kLine = 64 / sizeof(float) * 2;  // two cache lines: neighbours do not share a prefetched pair

  void release() {
    if (data_ != nullptr) ::operator delete(data_, std::align_val_t{64});
    data_ = nullptr;
    floats_ = 0;
  }

  int workers_;
  float* data_ = nullptr;
  size_t floats_ = 0;
};

}  // namespace he
