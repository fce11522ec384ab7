// The emulated device: work that streams queue and that runs when somebody waits for it, as late as a GPU might.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "cuda/driver/api.h"
#include "cuda/driver/registry.h"
#include "cuda/emulator/device_memory.h"

namespace he::driver {

/// One piece of work of a stream; throws emulator::Fault.
using Work = std::function<void()>;

/// Work that was captured, and can be queued again and again.
struct Graph {
  std::vector<Work> work;
};

struct Event {
  struct Stream* stream = nullptr;  ///< where it was recorded; null before
  uint64_t ticket = 0;              ///< it is over when the stream has done this many pieces of work
  double seconds = 0;               ///< when it was reached
};

struct Stream {
  std::vector<Work> queue;  ///< from `head` on
  size_t head = 0;
  uint64_t done = 0;        ///< pieces of work, since the stream was made
  Graph* capturing = nullptr;

  uint64_t queued() const { return done + queue.size() - head; }
};

struct Function {
  const Kernel* kernel;
  size_t shared_limit = kSharedByDefault;
};

struct Module {
  std::map<std::string, std::unique_ptr<Function>> functions;
};

/// What one process sees of the device. Every call holds `lock`: the emulator has one block at a time.
struct Device {
  std::recursive_mutex lock;
  bool initialised = false;
  std::map<DevicePointer, std::unique_ptr<emulator::Allocation>> memory;
  std::map<uintptr_t, std::pair<std::unique_ptr<std::byte[]>, size_t>> pinned;
  std::set<Stream*> streams;
  std::set<Event*> events;
  std::set<Module*> modules;
  std::set<Function*> functions;
  std::set<Graph*> graphs, executables;
  size_t allocated = 0;
  std::string fault;        ///< why the last launch failed, or the last call was refused
  emulator::Options options;
  uint64_t launches = 0, waits = 0;

  static constexpr size_t kTotalBytes = size_t{4} << 30;

  static Device& instance();

  /// Queues work, or adds it to the graph that the stream is capturing.
  Result enqueue(Stream* stream, Work work);
  /// Runs what the stream has queued, up to `ticket`. What failed is dropped together with all that was queued behind it.
  Result drain(Stream* stream, uint64_t ticket = ~uint64_t{0});
  Result drain_all();
  /// Whether [p, p + bytes) is page-locked memory of ours.
  bool is_pinned(const void* p, size_t bytes) const;
  Result refuse(Result result, std::string why);
};

/// Whether the calling thread has made the context current.
bool& context_is_current();

}  // namespace he::driver
