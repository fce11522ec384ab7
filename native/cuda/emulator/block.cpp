#include "cuda/emulator/block.h"

#include <algorithm>
#include <cstring>

#include "cuda/emulator/fault.h"

namespace he::emulator {
namespace {

Block* running = nullptr;
uint32_t launches = 0, runs = 0;

std::string place(const char* file, unsigned line) {
  const char* slash = std::strrchr(file, '/');
  return std::string(slash ? slash + 1 : file) + ":" + std::to_string(line);
}

}  // namespace

void fault(const std::string& what) {
  if (running) running->fail(what);
  throw Fault(what);
}

Block::Block(std::string kernel, Index grid, unsigned threads, size_t shared_bytes, std::function<void()> body, const Options& options)
    : kernel_(std::move(kernel)), grid_(grid), body_(std::move(body)), options_(options), random_(options.seed), shared_bytes_(shared_bytes) {
  if (threads == 0 || threads > 1024 || threads % kWarp) throw Fault(kernel_ + ": " + std::to_string(threads) + " threads a block, expected whole warps, at most 1024 threads");
  if (shared_bytes > options.shared_limit) throw Fault(kernel_ + ": " + std::to_string(shared_bytes) + " bytes of shared memory, expected at most " + std::to_string(options.shared_limit));
  launch_ = ++launches;
  threads_.resize(threads);
  warps_.resize(threads / kWarp);
  priorities_.resize(threads / kWarp);
  for (unsigned i = 0; i < threads; ++i) threads_[i].id = i, threads_[i].lane = i % kWarp, threads_[i].warp = i / kWarp;
  shared_.resize(shared_bytes + 128);
  shared_base_ = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(shared_.data()) + 127) & ~uintptr_t{127});
}

Block* Block::current() { return running; }

Access Block::access() const {
  return {launch_, run_, static_cast<uint16_t>(self_->id), static_cast<uint16_t>(self_->warp), self_->block_epoch, self_->warp_epoch};
}

void Block::run(Index where) {
  where_ = where;
  run_ = ++runs;
  live_ = threads();
  at_barrier_ = 0, head_ = 0;
  ready_.clear();
  fault_.clear();
  if (shared_used_) {
    std::memset(shared_base_, 0xff, shared_bytes_);  // NaNs, for what the shadow might miss
    shared_shadow_.reset(shared_bytes_);
    shared_used_ = false;
  }
  for (WarpOperation& w : warps_) w.arrived = 0;
  for (unsigned& p : priorities_) p = static_cast<unsigned>(random_());
  for (Thread& t : threads_) {
    t.done = false, t.block_epoch = 0, t.warp_epoch = 0;
    t.open.clear(), t.groups.clear();
    t.fiber.prepare(entry);
    ready_.push_back(t.id);
  }
  running = this;
  const size_t first = next_in_queue();
  self_ = &threads_[first];
  self_->fiber.resume(host_);
  running = nullptr;
  if (!fault_.empty()) throw Fault(fault_);
}

void Block::entry() {
  Block& b = *running;
  b.body_();
  if (!b.self_->open.empty() || !b.self_->groups.empty()) b.fail("ends with asynchronous copies that nobody has waited for");
  b.self_->done = true;
  --b.live_;
  b.yield();
  std::abort();  // a thread that has ended is never resumed
}

void Block::fail(const std::string& what) {
  fault_ = kernel_ + ": block (" + std::to_string(where_.x) + ", " + std::to_string(where_.y) + ", " + std::to_string(where_.z) + "), thread " +
           std::to_string(self_->id) + " " + what;
  Thread* stopped = self_;
  host_.resume(stopped->fiber);  // the fibers are left as they stand; kernels own nothing
  std::abort();
}

size_t Block::next_in_queue() {
  size_t best = head_;
  if (options_.order == Order::kDescending) {
    for (size_t i = head_ + 1; i < ready_.size(); ++i)
      if (ready_[i] > ready_[best]) best = i;
  } else if (options_.order == Order::kRandom) {
    if (random_() % 256 == 0)
      for (unsigned& p : priorities_) p = static_cast<unsigned>(random_());
    for (size_t i = head_ + 1; i < ready_.size(); ++i)
      if (priorities_[ready_[i] / kWarp] > priorities_[ready_[best] / kWarp]) best = i;
  }
  std::swap(ready_[best], ready_[head_]);
  const size_t id = ready_[head_++];
  if (head_ > 4096) ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(head_)), head_ = 0;
  return id;
}

void Block::yield() {
  Thread& from = *self_;
  if (head_ == ready_.size()) {
    if (live_ == 0) {
      host_.resume(from.fiber);
      return;
    }
    std::string waiting;
    if (at_barrier_) waiting = std::to_string(at_barrier_) + " threads wait at the block's barrier of " + place(barrier_file_, barrier_line_);
    for (size_t w = 0; w < warps_.size(); ++w)
      if (warps_[w].arrived)
        waiting += (waiting.empty() ? "" : ", ") + std::to_string(warps_[w].arrived) + " lanes of warp " + std::to_string(w) + " at " + warps_[w].name + " of " +
                   place(warps_[w].file, warps_[w].line);
    fail("is the last to run: " + waiting + ", for threads that never come");
  }
  Thread& to = threads_[next_in_queue()];
  if (&to == &from) return;
  self_ = &to;
  to.fiber.resume(from.fiber);
}

void Block::synchronize(const std::source_location& at) {
  if (at_barrier_ && (barrier_line_ != at.line() || std::strcmp(barrier_file_, at.file_name()) != 0))
    fail("reaches the barrier of " + place(at.file_name(), at.line()) + " while others wait at " + place(barrier_file_, barrier_line_));
  barrier_file_ = at.file_name(), barrier_line_ = at.line();
  ++self_->block_epoch;
  if (++at_barrier_ < threads()) {
    yield();
    return;
  }
  at_barrier_ = 0;
  for (Thread& t : threads_)
    if (t.id != self_->id) ready_.push_back(t.id);
}

void Block::together(const char* name, const void* in, const void* more, void* out, void (*work)(WarpOperation&), const std::source_location& at) {
  WarpOperation& w = warps_[self_->warp];
  if (w.arrived && (w.line != at.line() || std::strcmp(w.name, name) != 0 || std::strcmp(w.file, at.file_name()) != 0))
    fail(std::string("is at ") + name + " of " + place(at.file_name(), at.line()) + " while other lanes of its warp are at " + w.name + " of " + place(w.file, w.line));
  w.name = name, w.file = at.file_name(), w.line = at.line();
  w.in[self_->lane] = in, w.more[self_->lane] = more, w.out[self_->lane] = out;
  if (++w.arrived < kWarp) {
    yield();
    return;
  }
  w.arrived = 0;
  if (work) work(w);
  for (unsigned lane = 0; lane < kWarp; ++lane)
    if (const unsigned id = self_->warp * kWarp + lane; id != self_->id) ready_.push_back(id);
}

}  // namespace he::emulator
