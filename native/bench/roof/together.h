// The same work on several threads at once, each on a CPU of its own.
#pragma once
#include <functional>
#include <vector>

namespace he::bench {

// CPUs that this process may use; asked before any thread is pinned.
const std::vector<int>& cpus();

// work(thread) returns what it did; the sum of every thread's own rate, a second.
double together(int threads, const std::function<double(int)>& work);

}  // namespace he::bench
