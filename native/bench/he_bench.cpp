// Times the kernels against this machine's roof.
//   he_bench [--isa NAME] [--threads N] [--repeat N] [--only TEXT] [--clock wall|cpu]
// --clock cpu counts the time that the calling thread really ran: on a machine that others use too, with --threads 1.
// Each repetition measures the roofs (fused multiply-adds of the instruction set in use; memory reads) and then every kernel, so that all share the machine's
// moods. Reported: median and best time, spread (90th over 10th percentile), and the best rate as a share of the best roof that binds it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>

#include "bench/harness.h"
#include "bench/roof.h"

namespace he::bench {

Floats random_floats(int64_t n) {
  static std::mt19937 engine(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Floats x(static_cast<size_t>(n));
  for (float& v : x) v = uniform(engine);
  return x;
}

}  // namespace he::bench

namespace {

bool cpu_clock = false;

double now() {
  if (cpu_clock) {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double quantile(std::vector<double> x, double q) {
  std::sort(x.begin(), x.end());
  return x[static_cast<size_t>(q * static_cast<double>(x.size() - 1) + 0.5)];
}

}  // namespace

int main(int argc, char** argv) {
  const char* isa = nullptr;
  std::string only;
  int threads = 0, repeat = 15;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--isa") == 0) isa = argv[i + 1];
    if (std::strcmp(argv[i], "--threads") == 0) threads = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--repeat") == 0) repeat = std::max(1, std::atoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--clock") == 0) cpu_clock = std::strcmp(argv[i + 1], "cpu") == 0;
    if (std::strcmp(argv[i], "--only") == 0) only = argv[i + 1];
  }
  he_context* c = nullptr;
  if (he_context_create(isa, threads, &c) != HE_OK) {
    std::fprintf(stderr, "error: %s\n", he_last_error());
    return 1;
  }
  threads = he_context_threads(c);

  std::vector<he::bench::Kernel> kernels;
  he::bench::add_matrix_kernels(kernels, c);
  he::bench::add_layer_kernels(kernels, c);
  std::erase_if(kernels, [&](const he::bench::Kernel& k) { return k.name.find(only) == std::string::npos; });

  std::vector<double> fma, read;
  for (int r = -1; r < repeat; ++r) {  // the first round warms up
    const double f = he::bench::fma_rate(he_context_isa(c), threads), b = he::bench::read_rate(threads);
    if (r >= 0) {
      fma.push_back(f);
      read.push_back(b);
    }
    for (he::bench::Kernel& k : kernels) {
      const double begin = now();
      if (k.call() != HE_OK) {
        std::fprintf(stderr, "error: %s: %s\n", k.name.c_str(), he_last_error());
        return 1;
      }
      if (r >= 0) k.seconds.push_back(now() - begin);
    }
  }

  const double best_fma = quantile(fma, 1), best_read = quantile(read, 1);
  std::printf("%s, %d threads, %d repetitions, %s time\n", he_context_isa(c), threads, repeat, cpu_clock ? "CPU" : "wall");
  std::printf("roofs: %.3f TFLOP/s (median %.3f), memory read %.1f GB/s (median %.1f)\n\n", best_fma * 1e-12, quantile(fma, 0.5) * 1e-12, best_read * 1e-9,
              quantile(read, 0.5) * 1e-9);
  std::printf("%-34s %10s %10s %7s %9s %8s %7s\n", "kernel, rows x inputs x outputs", "median ms", "best ms", "spread", "TFLOP/s", "GB/s", "roof");
  for (const he::bench::Kernel& k : kernels) {
    const double best = quantile(k.seconds, 0), roof = std::max(k.operations / best_fma, k.bytes / best_read);
    std::printf("%-34s %10.3f %10.3f %7.2f %9.3f %8.1f %6.0f%%\n", k.name.c_str(), quantile(k.seconds, 0.5) * 1e3, best * 1e3,
                quantile(k.seconds, 0.9) / quantile(k.seconds, 0.1), k.operations / best * 1e-12, k.bytes / best * 1e-9, 100 * roof / best);
  }
  he_context_destroy(c);
  return 0;
}
