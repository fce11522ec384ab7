// An own pool: threads pinned to the CPUs the process may use, spinning briefly, then parked. The calling thread is worker 0.
#pragma once
#include <cstdint>

namespace he {

class ThreadPool {
 public:
  // threads = 0: as many as the process may use (affinity mask and container quota).
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  // Runs body(index) or body(index, worker) for every index in [0, count) and returns when all are done. Each thread starts on a stretch of its own, in ascending
  // order (index i on thread i size / count, while everybody keeps pace); who has finished takes from the ends of the others.
  // worker is in [0, size()) and two calls that run at the same time have different ones: it names the scratch memory to use.
  // body must not throw and must not call parallel_for. Which thread runs which index is not fixed: results must not depend on it.
  template <class F>
  void parallel_for(int64_t count, const F& body) {
    run(
        count,
        [](const void* f, int64_t index, int worker) {
          if constexpr (requires(const F& g) { g(int64_t{}, int{}); }) {
            (*static_cast<const F*>(f))(index, worker);
          } else {
            (void)worker;
            (*static_cast<const F*>(f))(index);
          }
        },
        &body);
  }

 private:
  using Call = void (*)(const void*, int64_t, int);
  void run(int64_t count, Call call, const void* body);
  struct State;
  State* state_;
};

}  // namespace he
