#include "core/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
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

constexpr int kSpins = 4000;  // about 50 microseconds: shorter than the gaps inside a decode step, longer than a context switch

}  // namespace

struct ThreadPool::State {
  int size = 1;
  std::vector<std::thread> threads;
  std::atomic<uint64_t> generation{0};  // odd bits of work: each run() adds one
  std::atomic<int64_t> next{0};
  std::atomic<int> running{0};
  std::atomic<int> parked{0};
  std::atomic<bool> stop{false};
  int64_t count = 0;
  void (*call)(void*, int64_t, int) = nullptr;
  void* body = nullptr;
  std::mutex mutex;
  std::condition_variable wake;

  void work(int worker) {
    for (int64_t i = next.fetch_add(1, std::memory_order_relaxed); i < count; i = next.fetch_add(1, std::memory_order_relaxed)) call(body, i, worker);
  }

  void loop(int worker) {
    uint64_t seen = 0;
    for (;;) {
      int spins = 0;
      while (generation.load(std::memory_order_acquire) == seen) {
        if (++spins < kSpins) {
          pause_cpu();
          continue;
        }
        std::unique_lock lock(mutex);
        parked.fetch_add(1);
        wake.wait(lock, [&] { return generation.load() != seen || stop.load(); });
        parked.fetch_sub(1);
        if (stop.load()) return;
      }
      if (stop.load()) return;
      seen = generation.load(std::memory_order_acquire);
      work(worker);
      running.fetch_sub(1, std::memory_order_release);
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(new State) {
  const std::vector<int> cpus = allowed_cpus();
  State& s = *state_;
  s.size = threads > 0 ? threads : default_threads();
  for (int i = 1; i < s.size; ++i) {
    s.threads.emplace_back([&s, i] { s.loop(i); });
#if defined(__linux__)
    // Workers are pinned, one a CPU; the caller's thread is the host's and keeps its freedom. With more threads than CPUs nobody is pinned.
    if (s.size <= static_cast<int>(cpus.size())) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(cpus[static_cast<size_t>(i)], &set);
      pthread_setaffinity_np(s.threads.back().native_handle(), sizeof set, &set);
    }
#endif
  }
}

ThreadPool::~ThreadPool() {
  State& s = *state_;
  {
    std::lock_guard lock(s.mutex);
    s.stop.store(true);
    s.generation.fetch_add(1);
  }
  s.wake.notify_all();
  for (std::thread& t : s.threads) t.join();
}

int ThreadPool::size() const { return state_->size; }

void ThreadPool::run(int64_t count, void (*call)(void*, int64_t, int), void* body) {
  State& s = *state_;
  if (count <= 0) return;
  if (s.size == 1 || count == 1) {
    for (int64_t i = 0; i < count; ++i) call(body, i, 0);
    return;
  }
  s.count = count;
  s.call = call;
  s.body = body;
  s.next.store(0, std::memory_order_relaxed);
  s.running.store(s.size - 1, std::memory_order_relaxed);
  {
    // The lock pairs with the parked worker's check, so that no wake-up is lost.
    std::lock_guard lock(s.mutex);
    s.generation.fetch_add(1, std::memory_order_release);
  }
  if (s.parked.load() > 0) s.wake.notify_all();
  s.work(0);
  while (s.running.load(std::memory_order_acquire) > 0) pause_cpu();
}

}  // namespace he
