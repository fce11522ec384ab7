// he_ptx_report FILE.ptx...: a line for every kernel. Registers are an estimate from below (values alive at once), and say so; with ptxas, `ptxas -v` says what it really took.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "cuda/attention/float_attention.h"
#include "cuda/norm/norm.h"
#include "cuda/optimizer/optimizer.h"
#include "cuda/report/ptx.h"
#include "cuda/sampling/sampling.h"

namespace {

// Bytes of shared memory that launchers give a block, from the families' headers.
int shared_of(const std::string& name) {
  const size_t last = name.rfind('_');
  const auto starts = [&](const char* prefix) { return name.rfind(prefix, 0) == 0; };
  if (starts("attention_packed_f32") || starts("attention_paged_f32")) return he::cuda::float_attention_shared(std::stoi(name.substr(last + 1)), he::cuda::kForwardWarps);
  if (starts("attention_split_f32")) return he::cuda::float_attention_shared(std::stoi(name.substr(last + 1)), he::cuda::kSplitWarps);
  if (starts("attention_backward_d")) return he::cuda::float_backward_shared(std::stoi(name.substr(last + 1)));
  if (starts("attention_packed") || starts("attention_paged")) return he::cuda::attention_shared(std::stoi(name.substr(last + 1)), he::cuda::kForwardWarps);
  if (starts("attention_split")) return he::cuda::attention_shared(std::stoi(name.substr(last + 1)), he::cuda::kSplitWarps);
  if (starts("sampling_")) return name == "sampling_temperatures" ? 0 : he::cuda::kSamplingShared;
  if (starts("squared_norm") || starts("sum_partials")) return he::cuda::kSumShared;
  return starts("norm_") ? he::cuda::kNormShared : 0;
}

// Blocks that fit on a multiprocessor at once, by registers (given out in eights), shared memory (1 KiB is the system's) and threads.
int blocks_of(const he::cuda_report::Kernel& k, int registers, int shared, int shared_of_multiprocessor) {
  const int by_registers = 65536 / ((registers + 7) / 8 * 8 * k.threads), by_shared = shared_of_multiprocessor / (shared + 1024);
  return std::min({by_registers, by_shared, 2048 / k.threads, 32});
}

}  // namespace

int main(int argc, char** argv) {
  std::printf("%-32s %-7s %7s %10s %6s %7s %9s %5s %8s %8s\n", "kernel", "machine", "threads", "registers>", "local", "shared", "blocks/SM<", "mma", "ldmatrix", "cp.async");
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i]);
    if (!file) {
      std::fprintf(stderr, "error: %s: cannot be read\n", argv[i]);
      return 1;
    }
    std::stringstream text;
    text << file.rdbuf();
    for (const he::cuda_report::Kernel& k : he::cuda_report::read_ptx(text.str())) {
      const int shared = shared_of(k.name), registers = std::min(k.live_registers, 255);
      std::printf("%-32s %-7s %7d %10d %6d %7d %9d %5d %8d %8d\n", k.name.c_str(), k.architecture.c_str(), k.threads, k.live_registers, k.local_bytes, shared,
                  blocks_of(k, std::max(registers, 1), shared, (k.architecture == "sm_80" ? 164 : 228) << 10), k.count("mma.sync"), k.count("ldmatrix"), k.count("cp.async.c"));
    }
  }
  std::printf("registers>: 32-bit values alive at once, estimated from the PTX; ptxas takes more, and spills beyond 255. blocks/SM<: as many as these allow. Counts are of instructions in the text.\n");
}
