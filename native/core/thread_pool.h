// An own pool: threads pinned to the CPUs the process may use, spinning briefly, then parked. The calling thread is worker 0.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>

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
  // A body of two arguments also gets the worker's number, less than size(): the owner of a piece of scratch memory.
  template <class F>
  void parallel_for(int64_t count, F&& body) {
    using Body = std::remove_reference_t<F>;
    run(count,
        [](void* f, int64_t i, int worker) {
          if constexpr (std::is_invocable_v<Body&, int64_t, int>) {
            (*static_cast<Body*>(f))(i, worker);
          } else {
            (void)worker;
            (*static_cast<Body*>(f))(i);
          }
        },
        const_cast<std::remove_const_t<Body>*>(&body));
  }

 private:
  void run(int64_t count, void (*call)(void*, int64_t, int), void* body);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace he
