#include "core/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <cstdio>
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

namespace he {

namespace {

void pause_cpu() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// CPUs this process may run on, in order; empty when the system does not say.
std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int i = 0; i < CPU_SETSIZE; ++i)
      if (CPU_ISSET(i, &set)) cpus.push_back(i);
#endif
  return cpus;
}

// The container's quota in whole CPUs (cgroup v2), or 0 for none.
int cpu_quota() {
#if defined(__linux__)
  if (std::FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    long quota = 0, period = 0;
    const int n = std::fscanf(f, "%ld %ld", &quota, &period);
    std::fclose(f);
    if (n == 2 && quota > 0 && period > 0) return static_cast<int>((quota + period - 1) / period);
  }
#endif
  return 0;
}

int default_threads() {
  int n = static_cast<int>(allowed_cpus().size());
  if (n == 0) n = static_cast<int>(std::thread::hardware_concurrency());
  if (const int quota = cpu_quota(); quota > 0 && quota < n) n = quota;
  return n > 0 ? n : 1;
}

constexpr int kSpins = 4000;       // about 50 microseconds: longer than the gaps inside a decode step, so that workers park only between steps
constexpr int kSpinsToYield = 2000;  // the caller waits for a worker that the system may have taken off its CPU: let others run

}  // namespace

// One atomic word, the ticket, holds the generation (upper half) and the next index (lower half). Even generations are open: indices may be taken. Odd ones
// are closed: the caller is writing the next job. A worker takes an index by compare-and-swap on a ticket of the generation it saw, so one that wakes late
// takes nothing of a later job by mistake, and the caller need not wait for workers that never came: it counts finished indices, not workers.
struct ThreadPool::State {
  int size = 1;
  std::vector<std::thread> threads;
  alignas(64) std::atomic<uint64_t> ticket{0};
  std::atomic<uint32_t> count{0};
  Call call = nullptr;
  const void* body = nullptr;
  alignas(64) std::atomic<uint32_t> done{0};
  alignas(64) std::atomic<int> parked{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::condition_variable wake;

  ~State() {
    {
      std::lock_guard lock(mutex);
      stop.store(true);
      count.store(0);
      ticket.store(((ticket.load() >> 32) + 2) << 32);  // an open job without indices: spinning workers leave their loop and see stop
    }
    wake.notify_all();
    for (std::thread& t : threads) t.join();
  }

  static uint32_t generation(uint64_t t) { return static_cast<uint32_t>(t >> 32); }
  static bool is_open(uint64_t t) { return generation(t) % 2 == 0; }

  // Takes indices of this generation until there are none left.
  void work(uint32_t job, int worker) {
    uint32_t finished = 0;
    uint64_t t = ticket.load(std::memory_order_acquire);
    while (generation(t) == job) {
      const uint32_t index = static_cast<uint32_t>(t);
      if (index >= count.load(std::memory_order_acquire)) break;
      if (!ticket.compare_exchange_weak(t, t + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
      call(body, index, worker);  // the job cannot be replaced while this index is unfinished
      ++finished;
      t = ticket.load(std::memory_order_acquire);
    }
    if (finished > 0) done.fetch_add(finished, std::memory_order_release);
  }

  void loop(int worker) {
    uint32_t seen = 0;
    auto news = [&](uint64_t t) { return is_open(t) && generation(t) != seen; };
    for (;;) {
      uint64_t t = ticket.load(std::memory_order_acquire);
      for (int spins = 0; !news(t) && spins < kSpins; ++spins) {
        pause_cpu();
        t = ticket.load(std::memory_order_acquire);
      }
      if (!news(t)) {
        // parked is raised before the last look at the ticket, and the caller looks at parked after it wrote the ticket: one of the two sees the other.
        std::unique_lock lock(mutex);
        parked.fetch_add(1);
        wake.wait(lock, [&] { return stop.load() || news(t = ticket.load()); });
        parked.fetch_sub(1);
      }
      if (stop.load()) return;
      seen = generation(t);
      work(seen, worker);
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(new State) {
  const std::vector<int> cpus = allowed_cpus();
  State& s = *state_;
  s.size = threads > 0 ? threads : default_threads();
  for (int i = 1; i < s.size; ++i) {
    try {
      s.threads.emplace_back([&s, i] { s.loop(i); });
    } catch (...) {  // the system has no more threads: end those that run, then say so
      delete state_;
      throw;
    }
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
  // Close the finished generation before its fields change: a worker that still looks at it can take nothing.
  const uint64_t closed = (s.ticket.load(std::memory_order_relaxed) >> 32) + 1;
  s.ticket.store(closed << 32);
  s.count.store(static_cast<uint32_t>(count), std::memory_order_release);
  s.call = call;
  s.body = body;
  s.done.store(0, std::memory_order_relaxed);
  s.ticket.store((closed + 1) << 32);  // open
  if (s.parked.load() > 0) {
    { std::lock_guard lock(s.mutex); }  // a worker between its look at the ticket and its wait holds the lock
    s.wake.notify_all();
  }
  s.work(static_cast<uint32_t>(closed + 1), 0);
  for (int spins = 0; s.done.load(std::memory_order_acquire) != static_cast<uint32_t>(count); ++spins) {
    if (spins < kSpinsToYield) {
      pause_cpu();
    } else {
      std::this_thread::yield();
    }
  }
}

}  // namespace he
