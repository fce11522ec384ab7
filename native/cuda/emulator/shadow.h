// What is known of every two bytes of emulated memory: whether anything was ever written there, by whom, and by whom it was read since. From that follows, whatever
// order the threads happened to run in, whether a barrier is missing: two accesses of different threads, one of them a write, need something between them that orders them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace he::emulator {

/// Who touches memory, and what had been waited for by then.
struct Access {
  uint32_t launch = 0;       ///< counts launches
  uint32_t run = 0;          ///< counts blocks run, over all launches
  uint16_t thread = 0;       ///< within the block
  uint16_t warp = 0;         ///< within the block
  uint32_t block_epoch = 0;  ///< block barriers passed
  uint32_t warp_epoch = 0;   ///< warp barriers passed
};

/// The state of two bytes. `launch` 0 is the host.
class Cell {
 public:
  /// Null, or what is wrong with reading here.
  const char* read(const Access& by);
  /// Null, or what is wrong with writing here.
  const char* write(const Access& by);
  /// An asynchronous copy will write here at some time from now on.
  const char* begin_copy(const Access& by);
  /// The thread that asked for the copy has waited for it.
  void end_copy(const Access& by);
  /// Written by the host.
  void initialise() { *this = Cell(), initialised_ = true; }
  bool initialised() const { return initialised_; }

 private:
  static constexpr uint32_t kSeveral = 0xffffffff;
  bool initialised_ = false, pending_ = false;
  uint16_t writer_ = 0, writer_warp_ = 0;
  uint32_t written_launch_ = 0, written_run_ = 0, written_block_epoch_ = 0, written_warp_epoch_ = 0;
  uint32_t read_launch_ = 0, read_run_ = 0, reader_ = 0, reader_warp_ = 0, read_block_epoch_ = 0, read_warp_epoch_ = 0;
};

/// A cell for every two bytes of a stretch of memory. (Stores narrower than two bytes are not in the dialect.)
class Shadow {
 public:
  explicit Shadow(std::size_t bytes = 0) : cells_((bytes + 1) / 2) {}
  void reset(std::size_t bytes) { cells_.assign((bytes + 1) / 2, Cell()); }
  void read(std::size_t offset, std::size_t bytes, const Access& by) { each(offset, bytes, [&](Cell& c) { return c.read(by); }); }
  void write(std::size_t offset, std::size_t bytes, const Access& by) { each(offset, bytes, [&](Cell& c) { return c.write(by); }); }
  void begin_copy(std::size_t offset, std::size_t bytes, const Access& by) { each(offset, bytes, [&](Cell& c) { return c.begin_copy(by); }); }
  void end_copy(std::size_t offset, std::size_t bytes, const Access& by) { each(offset, bytes, [&](Cell& c) { return c.end_copy(by), nullptr; }); }
  void initialise() { for (Cell& c : cells_) c.initialise(); }
  void initialise(std::size_t offset, std::size_t bytes) { each(offset, bytes, [](Cell& c) { return c.initialise(), nullptr; }); }
  /// Whether every one of these bytes was written.
  bool initialised(std::size_t offset, std::size_t bytes) const;
  /// A copy by the driver: what was never written stays so.
  void copy(std::size_t offset, const Shadow& from, std::size_t from_offset, std::size_t bytes);
  /// The first byte that nothing has written, or -1.
  int64_t first_uninitialised() const;

 private:
  template <class F>
  void each(std::size_t offset, std::size_t bytes, F f) {
    for (std::size_t i = offset / 2; i < (offset + bytes + 1) / 2; ++i)
      if (const char* wrong = f(cells_[i])) report(wrong, i * 2);
  }
  [[noreturn]] static void report(const char* wrong, std::size_t offset);
  std::vector<Cell> cells_;
};

}  // namespace he::emulator
