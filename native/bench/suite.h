// The list of kernels that a program times or counts: each with the least that it must do, and made only when it is asked for.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "hybridengine/he.h"

namespace he::bench {

// Memory as the managed side hands it in: aligned to a cache line; from 2 MiB on in large pages where the system has them.
void* allocate_aligned(size_t bytes);
void free_aligned(void* p);

template <class T>
struct Aligned {
  using value_type = T;
  Aligned() = default;
  template <class U>
  Aligned(const Aligned<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* p, size_t) { ::operator delete (p, std::align_val_t{64}); }
  bool operator==(const Aligned&) const { return true; }
};

template <class T>
using Buffer = std::vector<T, Aligned<T>>;
using Floats = Buffer<float>;

// Uniform in (-1, 1); every call goes on in one sequence.
Floats random_floats(int64_t n);

// Whose arithmetic bounds a kernel.
enum class Unit { fma, bf16, int8 };

// What no implementation does without: operations (a multiply-add counts two), and bytes, each operand counted once.
struct Work {
  Unit unit;
  double operations, read, written;
};

struct Kernel {
  std::string name;
  Work work;
  std::function<he_status()> call;
};

class Suite {
 public:
  // only: comma-separated texts, a kernel is wanted when its name contains one of them; empty: all.
  Suite(he_context* context, const std::string& only);

  he_context* context() const { return context_; }
  const std::vector<Kernel>& kernels() const { return kernels_; }
  bool wants(const std::string& name) const;

  // make() returns the kernel's call, which holds all its data.
  template <class Make>
  void add(const std::string& name, const Work& work, const Make& make) {
    if (wants(name)) kernels_.push_back({name, work, make()});
  }

 private:
  he_context* context_;
  std::vector<std::string> only_;
  std::vector<Kernel> kernels_;
};

}  // namespace he::bench
