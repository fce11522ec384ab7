#include "bench/roof/together.h"

#include <barrier>
#include <chrono>
#include <numeric>
#include <thread>
#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

namespace he::bench {

const std::vector<int>& cpus() {
  static const std::vector<int> list = [] {
    std::vector<int> found;
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
      for (int i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(i, &set)) found.push_back(i);
#endif
    return found;
  }();
  return list;
}

static void pin(int thread) {
#if defined(__linux__)
  if (cpus().empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus()[static_cast<size_t>(thread) % cpus().size()], &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
#else
  (void)thread;
#endif
}

double together(int threads, const std::function<double(int)>& work) {
  using Clock = std::chrono::steady_clock;
  std::barrier start(threads);
  std::vector<double> rates(static_cast<size_t>(threads));
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      pin(t);
      start.arrive_and_wait();
      const auto begin = Clock::now();
      const double done = work(t);
      rates[static_cast<size_t>(t)] = done / std::chrono::duration<double>(Clock::now() - begin).count();
    });
  for (std::thread& w : workers) w.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

}  // namespace he::bench
