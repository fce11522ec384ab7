// Times attention, norms, activations, sampling and the optimizer beside the roofs of the same run (he_bench does it for the matrix
// kernels).
//   he_bench_ops [--isa NAME] [--threads N] [--repeat N] [--only TEXT] [--clock wall|cpu]
// --clock cpu counts the time that the calling thread really ran: on a machine that others use too, with --threads 1.
// Shapes are SmolLM2-135M's: 9 query heads, 3 key heads of 64, width 576, 1536 in the middle, vocabulary 49152; training 4 x 256 tokens,
// decoding 32 sequences at context 256. Reported: median and best time, and the best as a share of the roof that binds it (multiply-adds or
// bytes).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
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

constexpr int64_t kHeads = 9, kKeyHeads = 3, kSize = 64, kWidth = 576, kMiddle = 1536, kVocabulary = 49152, kLength = 256, kBlock = 32;

// Everything that the calls below point at; lives as long as the list.
struct Data {
  int64_t tokens = 4 * kLength, decoding = 32, weights = 16 << 20;
  Floats q = random_floats(tokens * kHeads * kSize), k = random_floats(tokens * kKeyHeads * kSize), v = k, y = q, dy = q, dq = q, dk = k,
         dv = k, lse = random_floats(tokens * kHeads);
  std::vector<int32_t> offsets{0, 256, 512, 768, 1024}, one_each, contexts, tables;
  Floats keys, values;
  Floats x = random_floats(tokens * kWidth), residual = x, sum = x, normal = x, weight = random_floats(kWidth), d_weight = weight,
         statistics = random_floats(2 * tokens);
  Floats gate = random_floats(tokens * kMiddle), up = gate, product = gate, d_gate = gate, d_up = gate;
  Floats parameter = random_floats(weights), gradient = parameter, m = parameter, v2 = Floats(parameter.size(), 0.5f);
  double norm = 0;
  Floats logits = random_floats(decoding * kVocabulary), ones = Floats(32, 1.0f), zeros = Floats(32, 0.0f), p95 = Floats(32, 0.95f),
         log_prob = ones;
  std::vector<int32_t> off = std::vector<int32_t>(32, 0), k50 = std::vector<int32_t>(32, 50), ids = off;
  std::vector<int64_t> seeds = std::vector<int64_t>(32, 7);
};

void add_attention(std::vector<Kernel>& list, he_context* c, Data& d) {
  const int64_t qs = kHeads * kSize, ks = kKeyHeads * kSize, blocks = d.decoding * kLength / kBlock;
  for (int32_t s = 0; s <= d.decoding; ++s) d.one_each.push_back(s);
  d.contexts.assign(static_cast<size_t>(d.decoding), kLength);
  for (int32_t b = 0; b < blocks; ++b) d.tables.push_back(b);
  d.keys = random_floats(blocks * kBlock * ks);
  d.values = d.keys;
  const double pairs = 4 * 0.5 * kLength * (kLength + 1) * kHeads, product = 2.0 * kSize, row = 4.0 * kSize * static_cast<double>(d.tokens);
  list.push_back({"attention 4 x 256",
                  2 * product * pairs,
                  row * (2 * kHeads + 2 * kKeyHeads),
                  [&d, c, qs, ks] {
                    return he_attention(c, d.tokens, 4, d.offsets.data(), kHeads, kKeyHeads, kSize, 0.125f, 1, 0, 0, nullptr, d.q.data(),
                                        qs, d.k.data(), ks, d.v.data(), ks, d.y.data(), qs, d.lse.data(), kHeads);
                  },
                  {}});
  list.push_back({"attention backward 4 x 256",
                  5 * product * pairs,
                  row * (4 * kHeads + 4 * kKeyHeads),
                  [&d, c, qs, ks] {
                    return he_attention_backward(c, d.tokens, 4, d.offsets.data(), kHeads, kKeyHeads, kSize, 0.125f, 1, 0, 0, nullptr,
                                                 d.q.data(), qs, d.k.data(), ks, d.v.data(), ks, d.y.data(), qs, d.lse.data(), kHeads,
                                                 d.dy.data(), qs, d.dq.data(), qs, d.dk.data(), ks, d.dv.data(), ks);
                  },
                  {}});
  list.push_back({"paged attention 32 x 1 at 256",
                  2 * product * kHeads * kLength * 32,
                  8.0 * kSize * kKeyHeads * kLength * 32,
                  [&d, c, qs, blocks] {
                    return he_paged_attention(c, d.decoding, d.decoding, d.one_each.data(), d.contexts.data(), d.tables.data(),
                                              kLength / kBlock, kLength / kBlock, kHeads, kKeyHeads, kSize, 0.125f, 1, 0, 0, nullptr,
                                              d.q.data(), qs, d.keys.data(), d.values.data(), blocks, kBlock, d.y.data(), qs);
                  },
                  {}});
}

void add_rows(std::vector<Kernel>& list, he_context* c, Data& d) {
  const double row = 4.0 * kWidth * static_cast<double>(d.tokens), wide = 4.0 * kMiddle * static_cast<double>(d.tokens);
  list.push_back({"norm 1024 x 576, residual",
                  0,
                  4 * row,
                  [&d, c] {
                    return he_norm(c, d.tokens, kWidth, d.x.data(), kWidth, d.residual.data(), kWidth, d.weight.data(), nullptr, 0, 1e-5f,
                                   0, d.sum.data(), kWidth, d.normal.data(), kWidth, d.statistics.data(), 2);
                  },
                  {}});
  list.push_back({"norm backward 1024 x 576",
                  0,
                  3 * row,
                  [&d, c] {
                    return he_norm_backward(c, d.tokens, kWidth, d.x.data(), kWidth, d.sum.data(), kWidth, d.weight.data(),
                                            d.statistics.data(), 2, 0, 0, d.normal.data(), kWidth, 0, d.d_weight.data(), nullptr);
                  },
                  {}});
  list.push_back(
      {"gate (silu) 1024 x 1536",
       0,
       3 * wide,
       [&d, c] { return he_gate(c, 1, d.tokens, kMiddle, d.gate.data(), kMiddle, d.up.data(), kMiddle, d.product.data(), kMiddle); },
       {}});
  list.push_back({"gate backward 1024 x 1536",
                  0,
                  5 * wide,
                  [&d, c] {
                    return he_gate_backward(c, 1, d.tokens, kMiddle, d.gate.data(), kMiddle, d.up.data(), kMiddle, d.product.data(),
                                            kMiddle, d.d_gate.data(), kMiddle, d.d_up.data(), kMiddle);
                  },
                  {}});
}

void add_optimizer(std::vector<Kernel>& list, he_context* c, Data& d) {
  list.push_back({"adamw 16 Mi",
                  0,
                  28.0 * static_cast<double>(d.weights),
                  [&d, c] {
                    return he_adamw(c, d.weights, d.parameter.data(), d.gradient.data(), d.m.data(), d.v2.data(), 1e-6, 0.9, 0.999, 1e-8,
                                    0.01, 1, nullptr);
                  },
                  {}});
  list.push_back({"squared norm 16 Mi",
                  0,
                  4.0 * static_cast<double>(d.weights),
                  [&d, c] {
                    const float* tensor = d.gradient.data();
                    return he_squared_norm(c, 1, &tensor, &d.weights, &d.norm);
                  },
                  {}});
}

void add_sampling(std::vector<Kernel>& list, he_context* c, Data& d) {
  for (const bool filtered : {false, true})
    list.push_back({filtered ? "sample 32 x 49152, k 50, p 0.95" : "sample 32 x 49152",
                    0,
                    4.0 * kVocabulary * 32,
                    [&d, c, filtered] {
                      return he_sample(c, d.decoding, kVocabulary, d.logits.data(), kVocabulary, d.ones.data(),
                                       (filtered ? d.k50 : d.off).data(), (filtered ? d.p95 : d.ones).data(), d.zeros.data(), d.ones.data(),
                                       nullptr, 0, 0, nullptr, d.seeds.data(), d.seeds.data(), d.off.data(), d.off.data(), d.ids.data(),
                                       d.log_prob.data(), nullptr);
                    },
                    {}});
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
  Data data;
  std::vector<Kernel> kernels;
  add_attention(kernels, c, data);
  add_rows(kernels, c, data);
  add_optimizer(kernels, c, data);
  add_sampling(kernels, c, data);
  std::erase_if(kernels, [&](const Kernel& k) { return k.name.find(only) == std::string::npos; });

  double fma = 0, read = 0;
  for (int r = -1; r < repeat; ++r) {  // the first round warms up
    fma = std::max(fma, he::bench::fma_rate(he_context_isa(c), threads));
    read = std::max(read, he::bench::read_rate(threads));
    for (Kernel& k : kernels) {
      const double begin = now();
      if (k.call() != HE_OK) {
        std::fprintf(stderr, "error: %s: %s\n", k.name.c_str(), he_last_error());
        return 1;
      }
      if (r >= 0) k.seconds.push_back(now() - begin);
    }
  }
  std::printf("%s, %d threads, %d repetitions; best roofs: %.3f TFLOP/s, memory read %.1f GB/s\n\n", he_context_isa(c), threads, repeat,
              fma * 1e-12, read * 1e-9);
  std::printf("%-34s %10s %10s %9s %8s %7s\n", "kernel", "median ms", "best ms", "TFLOP/s", "GB/s", "roof");
  for (const Kernel& k : kernels) {
    const double best = quantile(k.seconds, 0), roof = std::max(k.operations / fma, k.bytes / read);
    std::printf("%-34s %10.3f %10.3f %9.3f %8.1f %6.0f%%\n", k.name.c_str(), quantile(k.seconds, 0.5) * 1e3, best * 1e3,
                k.operations / best * 1e-12, k.bytes / best * 1e-9, 100 * roof / best);
  }
  he_context_destroy(c);
  return 0;
}
