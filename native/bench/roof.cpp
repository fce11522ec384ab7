#include "bench/roof.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace he::bench {

namespace {

using Clock = std::chrono::steady_clock;

volatile float sink;

constexpr int64_t kLoops = 400000;  // a few milliseconds
constexpr int64_t kBigFloats = 16 << 20;  // 64 MiB a thread: twice the last-level cache of the machines that we know

#if defined(__x86_64__)
__attribute__((target("avx512f"))) double fma_avx512() {
  __m512 a[16];
  for (__m512& x : a) x = _mm512_setzero_ps();
  const __m512 x = _mm512_set1_ps(1.0001f), y = _mm512_set1_ps(0.5f);
  for (int64_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < 16; ++j) a[j] = _mm512_fmadd_ps(x, y, a[j]);
    __asm__ volatile("" ::"v"(a[0]), "v"(a[15]));
  }
  __m512 s = a[0];
  for (int j = 1; j < 16; ++j) s = _mm512_add_ps(s, a[j]);
  sink = _mm512_cvtss_f32(s);
  return kLoops * 16.0 * 16 * 2;
}

__attribute__((target("avx2,fma"))) double fma_avx2() {
  __m256 a[12];
  for (__m256& x : a) x = _mm256_setzero_ps();
  const __m256 x = _mm256_set1_ps(1.0001f), y = _mm256_set1_ps(0.5f);
  for (int64_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) a[j] = _mm256_fmadd_ps(x, y, a[j]);
    __asm__ volatile("" ::"x"(a[0]), "x"(a[11]));
  }
  __m256 s = a[0];
  for (int j = 1; j < 12; ++j) s = _mm256_add_ps(s, a[j]);
  sink = _mm256_cvtss_f32(s);
  return kLoops * 12.0 * 8 * 2;
}
#endif

double fma_scalar() {
  float a[8] = {};
  float x = 1.0001f, y = 0.5f;
  for (int64_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) a[j] = x * y + a[j];
    __asm__ volatile("" : "+m"(a), "+m"(x));
  }
  sink = std::accumulate(a, a + 8, 0.0f);
  return kLoops * 8.0 * 2;
}

// Runs work(thread) on all threads at once; returns the sum of their rates.
template <class F>
double together(int threads, const F& work) {
  std::barrier start(threads);
  std::vector<double> rates(static_cast<size_t>(threads));
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      start.arrive_and_wait();
      const auto begin = Clock::now();
      const double done = work(t);
      rates[static_cast<size_t>(t)] = done / std::chrono::duration<double>(Clock::now() - begin).count();
    });
  for (std::thread& w : workers) w.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

double read_all(const float* p) {
  float s[32] = {};
  for (int64_t i = 0; i < kBigFloats; i += 32)
    for (int j = 0; j < 32; ++j) s[j] += p[i + j];
  sink = std::accumulate(s, s + 32, 0.0f);
  return kBigFloats * sizeof(float);
}

}  // namespace

double fma_rate(const std::string& isa, int threads) {
  return together(threads, [&](int) {
#if defined(__x86_64__)
    if (isa == "avx512") return fma_avx512();
    if (isa == "avx2") return fma_avx2();
#endif
    return fma_scalar();
  });
}

double read_rate(int threads) {
  static std::vector<std::unique_ptr<float[]>> memory;
  while (static_cast<int>(memory.size()) < threads) {
    memory.push_back(std::make_unique<float[]>(kBigFloats));
    std::fill_n(memory.back().get(), kBigFloats, 1.0f);
  }
  return together(threads, [&](int t) { return read_all(memory[static_cast<size_t>(t)].get()); });
}

}  // namespace he::bench
