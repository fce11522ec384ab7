// One block of threads at a time, every thread a fiber. A thread runs until it waits for others: at a barrier of its block or warp, or in an operation that a warp does together.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <source_location>
#include <string>
#include <vector>

#include "cuda/emulator/fiber.h"
#include "cuda/emulator/shadow.h"

namespace he::emulator {

struct Index {
  unsigned x = 1, y = 1, z = 1;
};

/// Which of several threads that could run goes on. What a kernel computes must not depend on it.
enum class Order { kAscending, kDescending, kRandom };

struct Options {
  Order order = Order::kAscending;
  uint64_t seed = 0;                   ///< of Order::kRandom: one warp runs ahead of the others, another one after a while
  size_t shared_limit = 227 << 10;     ///< bytes of shared memory that a block may have (H100; 163 KiB on an A100)
};

constexpr unsigned kWarp = 32;

/// What the 32 lanes of a warp hand in to an operation that they do together, and where they want what comes out.
struct WarpOperation {
  const char* name = nullptr;
  const char* file = nullptr;
  unsigned line = 0;
  unsigned arrived = 0;
  const void* in[kWarp];
  const void* more[kWarp];
  void* out[kWarp];
};

/// A copy under way from global to shared memory: `bytes` of 16 are copied, the others become zero.
struct PendingCopy {
  std::byte* to;
  const std::byte* from;
  unsigned bytes;
};

struct Thread {
  Fiber fiber;
  unsigned id = 0, lane = 0, warp = 0;
  bool done = false;
  uint32_t block_epoch = 0, warp_epoch = 0;
  std::vector<PendingCopy> open;                  // not yet in a group
  std::vector<std::vector<PendingCopy>> groups;  // oldest first
};

class Block {
 public:
  Block(std::string kernel, Index grid, unsigned threads, size_t shared_bytes, std::function<void()> body, const Options& options);

  /// Runs one block to its end; throws Fault.
  void run(Index where);

  /// The block and the thread that are running; null outside of a launch.
  static Block* current();
  Thread& self() { return *self_; }
  Access access() const;

  const Index& where() const { return where_; }
  const Index& grid() const { return grid_; }
  unsigned threads() const { return static_cast<unsigned>(threads_.size()); }
  std::byte* shared() const { return shared_base_; }
  size_t shared_bytes() const { return shared_bytes_; }
  Shadow& shared_shadow() { return shared_shadow_; }
  /// The running block uses its shared memory: it has to be as new for the next one.
  void use_shared() { shared_used_ = true; }

  /// Waits for every thread of the block.
  void synchronize(const std::source_location& at);

  /// Waits for the 32 lanes, the last of which does the work of all.
  void together(const char* name, const void* in, const void* more, void* out, void (*work)(WarpOperation&), const std::source_location& at);

  /// Ends the block: `run` throws.
  [[noreturn]] void fail(const std::string& what);

 private:
  static void entry();
  void yield();             // to the next thread that can run
  size_t next_in_queue();   // by the order asked for

  std::string kernel_;
  Index grid_, where_{0, 0, 0};
  std::function<void()> body_;
  Options options_;
  std::mt19937_64 random_;
  std::vector<Thread> threads_;
  std::vector<WarpOperation> warps_;
  std::vector<unsigned> priorities_;
  std::vector<unsigned> ready_;
  size_t head_ = 0;
  unsigned live_ = 0, at_barrier_ = 0;
  const char* barrier_file_ = nullptr;
  unsigned barrier_line_ = 0;
  uint32_t launch_ = 0, run_ = 0;
  Fiber host_;
  Thread* self_ = nullptr;
  std::string fault_;
  size_t shared_bytes_;
  std::vector<std::byte> shared_;
  std::byte* shared_base_ = nullptr;
  Shadow shared_shadow_;
  bool shared_used_ = true;
};

}  // namespace he::emulator
