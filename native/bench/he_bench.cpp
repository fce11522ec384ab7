// Times the matrix kernels against this machine's roof.
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
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/roof.h"
#include "hybridengine/he.h"

namespace {

using Floats = std::vector<float>;

struct Kernel {
  std::string name;
  double operations, bytes;  // of one call; bytes that must move when nothing is cached
  std::function<he_status()> call;
  std::vector<double> seconds;
};

Floats random_floats(int64_t n) {
  static std::mt19937 engine(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Floats x(static_cast<size_t>(n));
  for (float& v : x) v = uniform(engine);
  return x;
}

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

std::string sizes(const char* what, int64_t m, int64_t k, int64_t n) {
  return std::string(what) + " " + std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n);
}

// y, dx, dW of rows x inputs x outputs.
void add_linear(std::vector<Kernel>& list, he_context* c, int64_t rows, int64_t inputs, int64_t outputs, bool gradients) {
  struct Data {
    Floats x, y, w, dw;
  };
  auto d = std::make_shared<Data>();
  d->x = random_floats(rows * inputs);
  d->y = random_floats(rows * outputs);
  d->w = random_floats(he_linear_packed_length(outputs, inputs));
  const double operations = 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(outputs);
  const double bytes = 4.0 * static_cast<double>(rows * inputs + rows * outputs + inputs * outputs);
  list.push_back({sizes("linear", rows, inputs, outputs), operations, bytes,
                  [=] { return he_linear_forward(c, d->x.data(), inputs, rows, inputs, d->w.data(), outputs, nullptr, d->y.data(), outputs, 0); }, {}});
  if (!gradients) return;
  d->dw = random_floats(he_linear_packed_length(outputs, inputs));
  list.push_back({sizes("linear dX", rows, inputs, outputs), operations, bytes,
                  [=] { return he_linear_backward_input(c, d->y.data(), outputs, rows, outputs, d->w.data(), inputs, d->x.data(), inputs, 0); }, {}});
  list.push_back({sizes("linear dW", rows, inputs, outputs), operations, bytes,
                  [=] { return he_linear_backward_weight(c, d->x.data(), inputs, d->y.data(), outputs, rows, inputs, outputs, d->dw.data(), nullptr); }, {}});
}

void add_head(std::vector<Kernel>& list, he_context* c, int64_t rows, int64_t inputs, int64_t vocabulary) {
  struct Data {
    Floats hidden, w, dw, out, dx;
    std::vector<int32_t> targets;
  };
  auto d = std::make_shared<Data>();
  d->hidden = random_floats(rows * inputs);
  d->dx = d->hidden;
  d->w = random_floats(he_linear_packed_length(vocabulary, inputs));
  d->dw = d->w;
  d->out = random_floats(4 * rows);
  d->targets.assign(static_cast<size_t>(rows), 7);
  const double operations = 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(vocabulary);
  const double bytes = 4.0 * static_cast<double>(rows * inputs + inputs * vocabulary);
  list.push_back({sizes("log_probs", rows, inputs, vocabulary), operations, bytes,
                  [=] {
                    return he_log_probs(c, d->hidden.data(), inputs, rows, inputs, d->w.data(), vocabulary, nullptr, d->targets.data(), 1, 0, d->out.data(),
                                        d->out.data() + rows, nullptr);
                  }, {}});
  list.push_back({sizes("log_probs backward", rows, inputs, vocabulary), 3 * operations, 3 * bytes,
                  [=] {
                    return he_log_probs_backward(c, d->hidden.data(), inputs, rows, inputs, d->w.data(), vocabulary, nullptr, d->targets.data(), 1, 0,
                                                 d->out.data() + rows, nullptr, d->out.data() + 2 * rows, nullptr, nullptr, d->dx.data(), inputs, d->dw.data(), nullptr);
                  }, {}});
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

  std::vector<Kernel> kernels;
  add_linear(kernels, c, 512, 576, 1536, true);
  add_linear(kernels, c, 512, 1536, 576, true);
  add_linear(kernels, c, 1024, 576, 576, true);
  add_linear(kernels, c, 64, 576, 1536, true);
  add_linear(kernels, c, 1, 576, 1536, false);     // in the caches
  add_linear(kernels, c, 1, 576, 49152, false);    // 108 MiB: beyond them
  add_linear(kernels, c, 1, 4096, 14336, false);   // 224 MiB
  add_linear(kernels, c, 8, 576, 49152, false);
  add_linear(kernels, c, 32, 576, 1536, false);
  add_head(kernels, c, 512, 576, 49152);
  std::erase_if(kernels, [&](const Kernel& k) { return k.name.find(only) == std::string::npos; });

  std::vector<double> fma, read;
  for (int r = -1; r < repeat; ++r) {  // the first round warms up
    const double f = he::bench::fma_rate(he_context_isa(c), threads), b = he::bench::read_rate(threads);
    if (r >= 0) {
      fma.push_back(f);
      read.push_back(b);
    }
    for (Kernel& k : kernels) {
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
  for (const Kernel& k : kernels) {
    const double best = quantile(k.seconds, 0), roof = std::max(k.operations / best_fma, k.bytes / best_read);
    std::printf("%-34s %10.3f %10.3f %7.2f %9.3f %8.1f %6.0f%%\n", k.name.c_str(), quantile(k.seconds, 0.5) * 1e3, best * 1e3,
                quantile(k.seconds, 0.9) / quantile(k.seconds, 0.1), k.operations / best * 1e-12, k.bytes / best * 1e-9, 100 * roof / best);
  }
  he_context_destroy(c);
  return 0;
}
