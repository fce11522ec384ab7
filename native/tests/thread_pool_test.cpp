#include "core/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "core/scratch.h"

TEST(ThreadPool, ParallelFor_RunsEveryIndexOnce) {
  he::ThreadPool pool(3);
  for (const int64_t count : {0, 1, 2, 3, 1000}) {
    std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
    pool.parallel_for(count, [&](int64_t i) { seen[static_cast<size_t>(i)].fetch_add(1); });
    for (const std::atomic<int>& n : seen) EXPECT_EQ(n.load(), 1);
  }
}

TEST(ThreadPool, ParallelForWithWorker_NoWorkerRunsTwoIndicesAtOnce) {
  he::ThreadPool pool(4);
  he::Scratch scratch(pool.size());
  scratch.reserve(1);
  std::atomic<int> busy[4] = {};
  std::atomic<bool> clash{false};
  pool.parallel_for(5000, [&](int64_t i, int worker) {
    if (worker < 0 || worker >= 4 || busy[worker].fetch_add(1) != 0) clash = true;
    *scratch.of(worker) = static_cast<float>(i);
    if (*scratch.of(worker) != static_cast<float>(i)) clash = true;
    busy[worker].fetch_sub(1);
  });
  EXPECT_FALSE(clash.load());
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
