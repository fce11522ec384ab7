// Rates at which this machine reads and updates memory, from working sets of a given size.
#pragma once
#include <cstdint>

namespace he::bench {

// Bytes read a second, every thread its own share of a working set; the best of several ways to walk it.
double read_rate(int threads, int64_t bytes);

// Bytes read and written a second (both counted) where every value is changed in place.
double update_rate(int threads, int64_t bytes);

}  // namespace he::bench
