#include "core/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>
#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/cpu_limit.h"

namespace he {

namespace {

void pause_cpu() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

constexpr int kSpins = 4000;         // about 50 microseconds: longer than the gaps inside a decode step, so that workers park only between steps
constexpr int kSpinsToYield = 2000;  // the caller waits for a worker that the system may have taken off its CPU: let others run

}  // namespace

// Indices are dealt out beforehand: each worker has a range of its own, [head, tail) in one atomic word on a cache line of its own. It takes from the front; when
// that is empty it helps the others, from the back of theirs. So neighbouring indices run on one core (what it wrote in the last loop and what it asked the memory
// for ahead of time are its own), no cache line goes back and forth while everybody is busy, and a worker that the system keeps away costs one index, not a share.
//
// Whoever takes an index reads the job after that: the index came from a word written after the job's fields, and the job cannot be replaced while one of its
// indices is unfinished. So a worker that comes late takes either nothing or something of the present job, and the caller waits for finished indices, not workers.
struct ThreadPool::State {
  struct alignas(64) Range {
    std::atomic<uint64_t> bounds{0};  // head in the lower half, tail in the upper
  };

  int size = 1;
  std::vector<std::thread> threads;
  std::unique_ptr<Range[]> ranges;
  Call call = nullptr;
  const void* body = nullptr;
  alignas(64) std::atomic<uint32_t> job{0};  // counts them: workers look here for news
  alignas(64) std::atomic<uint32_t> done{0};
  alignas(64) std::atomic<int> parked{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::condition_variable wake;

  ~State() {
    {
      std::lock_guard lock(mutex);
      stop.store(true);
      job.fetch_add(1);  // spinning workers leave their loop and see stop
    }
    wake.notify_all();
    for (std::thread& t : threads) t.join();
  }

  static uint64_t pack(uint64_t head, uint64_t tail) { return tail << 32 | head; }

  bool take(int owner, bool front, uint32_t& index) {
    std::atomic<uint64_t>& bounds = ranges[owner].bounds;
    uint64_t b = bounds.load(std::memory_order_acquire);
    for (;;) {
      const uint32_t head = static_cast<uint32_t>(b), tail = static_cast<uint32_t>(b >> 32);
      if (head >= tail) return false;
      index = front ? head : tail - 1;
      if (bounds.compare_exchange_weak(b, front ? pack(head + 1, tail) : pack(head, tail - 1), std::memory_order_acq_rel, std::memory_order_acquire)) return true;
    }
  }

  // Takes indices until there are none left.
  void work(int worker) {
    uint32_t finished = 0;
    for (int i = 0; i < size; ++i)
      for (uint32_t index; take((worker + i) % size, i == 0, index); ++finished) call(body, index, worker);
    if (finished > 0) done.fetch_add(finished, std::memory_order_release);
  }

  void loop(int worker) {
    uint32_t seen = 0;
    for (;;) {
      uint32_t now = job.load(std::memory_order_acquire);
      for (int spins = 0; now == seen && spins < kSpins; ++spins) {
        pause_cpu();
        now = job.load(std::memory_order_acquire);
      }
      if (now == seen) {
        // parked is raised before the last look at the job, and the caller looks at parked after it wrote the job: one of the two sees the other.
        std::unique_lock lock(mutex);
        parked.fetch_add(1);
        wake.wait(lock, [&] { return stop.load() || (now = job.load()) != seen; });
        parked.fetch_sub(1);
      }
      if (stop.load()) return;
      seen = now;
      work(worker);
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(new State) {
  const std::vector<int> cpus = allowed_cpus();
  State& s = *state_;
  s.size = threads > 0 ? threads : usable_cpus();
  try {
    s.ranges = std::make_unique<State::Range[]>(static_cast<size_t>(s.size));
    for (int i = 1; i < s.size; ++i) {
      s.threads.emplace_back([&s, i] { s.loop(i); });
#if defined(__linux__)
      // Pinned, one a CPU, when the pool takes the whole machine. With fewer threads than CPUs the system places them better than we could: it sees who else runs.
      if (s.size == static_cast<int>(cpus.size())) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpus[static_cast<size_t>(i)], &set);
        pthread_setaffinity_np(s.threads.back().native_handle(), sizeof set, &set);
      }
#endif
    }
  } catch (...) {  // the system has no more threads: end those that run, then say so
    delete state_;
    throw;
  }
}

ThreadPool::~ThreadPool() { delete state_; }

int ThreadPool::size() const { return state_->size; }

void ThreadPool::run(int64_t count, Call call, const void* body) {
  State& s = *state_;
  if (count <= 0) return;
  if (s.size == 1 || count == 1) {
    for (int64_t i = 0; i < count; ++i) call(body, i, 0);
    return;
  }
  if (count > INT32_MAX) throw std::invalid_argument("thread pool: too many tasks in one call");
  s.call = call;
  s.body = body;
  s.done.store(0, std::memory_order_relaxed);
  for (int w = 0; w < s.size; ++w)
    s.ranges[w].bounds.store(State::pack(static_cast<uint64_t>(count * w / s.size), static_cast<uint64_t>(count * (w + 1) / s.size)), std::memory_order_release);
  s.job.fetch_add(1);
  if (s.parked.load() > 0) {
    { std::lock_guard lock(s.mutex); }  // a worker between its look at the job and its wait holds the lock
    s.wake.notify_all();
  }
  s.work(0);
  for (int spins = 0; s.done.load(std::memory_order_acquire) != static_cast<uint32_t>(count); ++spins) {
    if (spins < kSpinsToYield) {
      pause_cpu();
    } else {
      std::this_thread::yield();
    }
  }
}

}  // namespace he
