#pragma once
#include <cstddef>
#include <memory>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace he::emulator {

/// A stack that runs until it switches to another. On x86-64 a switch saves six registers; elsewhere it is the C library's, five times slower (a system call each).
class Fiber {
 public:
  Fiber() = default;
  Fiber(Fiber&&) = default;
  Fiber& operator=(Fiber&&) = default;
  ~Fiber();

  /// Makes the next switch to this fiber begin at `entry`, which must never return. What an earlier run left on the stack is forgotten.
  void prepare(void (*entry)());

  /// Leaves `from` where it stands and goes on with this one.
  void resume(Fiber& from);

 private:
  static constexpr size_t kStack = 64 << 10;
  std::unique_ptr<std::byte[]> stack_;
#if defined(__x86_64__)
  void* top_ = nullptr;
#else
  std::unique_ptr<ucontext_t> context_ = std::make_unique<ucontext_t>();
#endif
};

}  // namespace he::emulator
