#include "core/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "core/scratch.h"

namespace {

using he::ThreadPool;

TEST(ThreadPool, ParallelFor_RunsEveryIndexOnce) {
  for (int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    for (int64_t count : {0, 1, 2, 5, 64, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
      pool.parallel_for(count, [&](int64_t i) { runs[static_cast<size_t>(i)].fetch_add(1); });
      for (auto& n : runs) EXPECT_EQ(n.load(), 1);
    }
  }
}

// Many short jobs of changing size and body: a worker that comes late must take nothing of the next job.
TEST(ThreadPool, ParallelFor_ShortJobsInARow_NeverMix) {
  ThreadPool pool(4);
  int64_t expected = 0, sum = 0;
  for (int64_t job = 0; job < 20000; ++job) {
    const int64_t count = job % 6;
    std::atomic<int64_t> got{0};
    pool.parallel_for(count, [&got, job](int64_t i) { got.fetch_add(job * 10 + i); });
    sum += got.load();
    for (int64_t i = 0; i < count; ++i) expected += job * 10 + i;
  }
  EXPECT_EQ(sum, expected);
}

TEST(ThreadPool, ParallelFor_AfterParking_WakesWorkers) {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> runs{0};
    pool.parallel_for(100, [&](int64_t) { runs.fetch_add(1); });
    EXPECT_EQ(runs.load(), 100);
  }
}

TEST(ThreadPool, ParallelFor_WorkersRunningAtOnce_AreDistinct) {
  ThreadPool pool(4);
  std::atomic<int> inside[4] = {};
  std::atomic<bool> clash{false};
  pool.parallel_for(2000, [&](int64_t, int worker) {
    if (worker < 0 || worker > 3 || inside[worker].fetch_add(1) != 0) clash = true;
    for (int spin = 0; spin < 200; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
    inside[worker].fetch_sub(1);
  });
  EXPECT_FALSE(clash.load());
}

// Index 0 ends when all others have: those of its own thread's stretch must be taken over.
TEST(ThreadPool, ParallelFor_AThreadThatIsHeldUp_OthersTakeItsIndices) {
  ThreadPool pool(3);
  constexpr int kCount = 90;
  std::atomic<int> others{0};
  std::atomic<bool> complete{false};
  pool.parallel_for(kCount, [&](int64_t i) {
    if (i > 0) {
      others.fetch_add(1);
      return;
    }
    for (int wait = 0; wait < 30000 && others.load() < kCount - 1; ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    complete = others.load() == kCount - 1;
  });
  EXPECT_TRUE(complete.load());
}

TEST(Scratch, Reserve_KeepsTheGreatestSizeAndAligns) {
  he::Scratch scratch(2);
  scratch.reserve(1000);
  float* const before = scratch.of(1);
  scratch.reserve(10);
  EXPECT_EQ(scratch.of(1), before);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(before) % 64, 0u);
  EXPECT_GE(scratch.of(1) - scratch.of(0), 1000);
}

}  // namespace
