#include "bench/timing.h"

#include <chrono>
#include <cmath>
#include <ctime>
#include <stdexcept>
#include <thread>

namespace he::bench {

namespace {

constexpr double kSample = 3e-4;  // seconds

double now(Clock clock) {
#if defined(__linux__)
  if (clock == Clock::cpu) {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }
#endif
  (void)clock;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double seconds_of(const Kernel& kernel, int64_t calls, Clock clock) {
  const double begin = now(clock);
  for (int64_t i = 0; i < calls; ++i)
    if (kernel.call() != HE_OK) throw std::runtime_error(kernel.name + ": " + he_last_error());
  return (now(clock) - begin) / static_cast<double>(calls);
}

}  // namespace

std::vector<Timed> run_rounds(const Suite& suite, Roofs& roofs, int rounds, Clock clock) {
  std::vector<Timed> list;
  for (const Kernel& k : suite.kernels()) list.push_back({&k});
  for (int r = -1; r < rounds; ++r) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the threads of the last kernel stop spinning
    if (r < 0) {
      for (const Timed& t : list) seconds_of(*t.kernel, 1, clock);
      continue;
    }
    roofs.measure();
    for (Timed& t : list) {
      const double once = seconds_of(*t.kernel, 1, clock);
      t.seconds.add(seconds_of(*t.kernel, once < kSample ? static_cast<int64_t>(std::ceil(kSample / once)) : 1, clock));
    }
  }
  return list;
}

}  // namespace he::bench
