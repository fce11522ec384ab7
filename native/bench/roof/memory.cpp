#include "bench/roof/memory.h"

#include <algorithm>
#include <vector>

#include "bench/roof/together.h"
#include "bench/suite.h"

namespace he::bench {

namespace {

volatile float sink;

typedef float Line __attribute__((vector_size(64), aligned(64)));  // a cache line; the compiler splits it where registers are narrower

constexpr int64_t kLine = sizeof(Line);
constexpr int64_t kEnough = 64 << 20;  // bytes that a measurement moves at least, a few milliseconds

#if defined(__x86_64__)
#define HE_ROOF_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define HE_ROOF_CLONES
#endif

// Walks STREAMS parts of the memory side by side: hardware prefetchers follow each, so more lines are on their way at once.
#define HE_ROOF_READ(NAME, STREAMS)                                                          \
  HE_ROOF_CLONES void NAME(const Line* p, int64_t lines, Line* result) {                     \
    Line sums[8] = {};                                                                       \
    const int64_t part = lines / STREAMS;                                                    \
    constexpr int kEach = 8 / STREAMS;                                                       \
    for (int64_t i = 0; i + kEach <= part; i += kEach)                                       \
      for (int s = 0; s < STREAMS; ++s)                                                      \
        for (int j = 0; j < kEach; ++j) sums[s * kEach + j] += p[s * part + i + j];          \
    *result = sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7]; \
  }

HE_ROOF_READ(read_one, 1)
HE_ROOF_READ(read_two, 2)
HE_ROOF_READ(read_four, 4)

HE_ROOF_CLONES void update(Line* p, int64_t lines) {
  for (int64_t i = 0; i + 4 <= lines; i += 4)
    for (int j = 0; j < 4; ++j) p[i + j] *= 1.0001f;
}

// Each thread's memory, kept between calls.
Line* memory(int thread, int64_t bytes) {
  static std::vector<Buffer<float>> all(1024);
  Buffer<float>& mine = all[static_cast<size_t>(thread)];
  if (static_cast<int64_t>(mine.size()) * 4 < bytes) mine.assign(static_cast<size_t>(bytes / 4), 1.0f);
  return reinterpret_cast<Line*>(mine.data());
}

template <class Pass>
double rate(int threads, int64_t bytes, const Pass& pass) {
  const int64_t share = std::max<int64_t>(bytes / threads / kLine / 8 * 8, 64), passes = std::max<int64_t>(1, kEnough / (share * kLine));
  for (int t = 0; t < threads; ++t) memory(t, share * kLine);
  return together(threads, [&](int t) {
    Line* p = memory(t, share * kLine);
    pass(p, share);  // what fits a cache is there when the clock starts to count; of what does not, a part of the time
    for (int64_t i = 1; i < passes; ++i) pass(p, share);
    return static_cast<double>(passes) * static_cast<double>(share * kLine);
  });
}

}  // namespace

double read_rate(int threads, int64_t bytes) {
  double best = 0;
  for (const auto read : {read_one, read_two, read_four})
    best = std::max(best, rate(threads, bytes, [&](Line* p, int64_t lines) {
                      Line sum;
                      read(p, lines, &sum);
                      sink = sum[0];
                    }));
  return best;
}

double update_rate(int threads, int64_t bytes) { return 2 * rate(threads, bytes, update); }

}  // namespace he::bench
