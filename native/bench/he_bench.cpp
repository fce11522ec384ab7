// Times the kernels against this machine's roofs (docs/benchmarks/README.md).
#include <cstdio>
#include <exception>
#include <memory>

#include "bench/cases/cases.h"
#include "bench/options.h"
#include "bench/report.h"
#include "bench/roof/together.h"

namespace {

constexpr const char* kUsage =
    "he_bench [--only TEXT[,TEXT]] [--repeat N] [--threads N] [--isa NAME] [--clock wall|cpu] [--json FILE] [--list]\n"
    "  --only    kernels whose name contains one of the texts\n"
    "  --repeat  rounds, each of the roofs and of every kernel (15)\n"
    "  --clock   cpu: the time that the calling thread really ran, for one thread on a machine that others use too\n"
    "  --json    all samples, beside the table; - for standard output, without the table\n"
    "  --list    names only\n";

int run(const he::bench::Options& options, he_context* context) {
  he::bench::Suite suite(context, options.only);
  he::bench::add_bench_list(suite);
  if (options.list) {
    for (const he::bench::Kernel& k : suite.kernels()) std::printf("%s\n", k.name.c_str());
    return 0;
  }
  if (suite.kernels().empty()) throw std::runtime_error("--only: no kernel's name contains '" + options.only + "' (--list names them)");
  const he::bench::Run about{"he_bench",   he_context_isa(context), he_context_matrix(context), he_context_threads(context), options.rounds,
                             options.clock};
  he::bench::Roofs roofs(about.isa, about.engine, about.threads);
  he::bench::report(about, roofs, he::bench::run_rounds(suite, roofs, options.rounds, options.clock), options.json);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const he::bench::Options options = he::bench::parse_options(argc, argv, kUsage);
  he::bench::cpus();  // before the context pins its threads
  he_context* context = nullptr;
  if (he_context_create(options.isa.empty() ? nullptr : options.isa.c_str(), nullptr, options.threads, &context) != HE_OK) {
    std::fprintf(stderr, "error: %s\n", he_last_error());
    return 1;
  }
  const std::unique_ptr<he_context, decltype(&he_context_destroy)> owner(context, he_context_destroy);
  try {
    return run(options, context);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
