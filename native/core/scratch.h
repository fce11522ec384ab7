// Working memory of kernels: one piece a worker and one piece that all share, grown before a parallel loop and kept, so that no call allocates after the
// first of its size. No inline functions: kernels compiled with AVX-512 flags include this header (cpu/simd/isa.h).
#pragma once
#include <cstddef>

namespace he {

class Scratch {
 public:
  explicit Scratch(int workers);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // Every worker's piece holds at least this many floats afterwards, and the shared piece this many; contents are lost. Outside parallel loops only.
  // Throws std::bad_alloc.
  void reserve(size_t worker_floats, size_t shared_floats = 0);

  float* of(int worker) const;  // the piece of this worker, aligned to 64 bytes
  float* shared() const;        // the shared piece, aligned to 64 bytes

 private:
  int workers_;
  float* worker_ = nullptr;
  float* shared_ = nullptr;
  size_t worker_floats_ = 0;
  size_t shared_floats_ = 0;
};

}  // namespace he
