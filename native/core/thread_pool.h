// An own pool: threads pinned to the CPUs the process may use, spinning briefly, then parked. The calling thread is worker 0.
#pragma once
#include <cstdint>
#include <memory>

namespace he {

class ThreadPool {
 public:
  // threads = 0: as many as the process may use (affinity mask and container quota).
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  // Runs body(index) for every index in [0, count), indices handed out one at a time to all threads; returns when all are done.
  // body must not throw. Which thread runs which index is not fixed: results must not depend on it.
  template <class F>
  void parallel_for(int64_t count, F&& body) {
    run(count, [](void* f, int64_t i) { (*static_cast<F*>(f))(i); }, &body);
  }

 private:
  void run(int64_t count, void (*call)(void*, int64_t), void* body);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace he
