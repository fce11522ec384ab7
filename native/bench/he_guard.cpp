// Fixed kernels on AVX2 and one thread, each called once between the doors of guarded_call, where benchmarks/guard/run.sh has valgrind
// count instructions.
//   he_guard --compiler   what compiled the kernels, such as gnu-12.2
//   he_guard --list       names, in the order of the calls
//   he_guard              the calls
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>

#include "bench/cases/cases.h"
#include "core/context.h"

// A name that valgrind finds (--toggle-collect, --dump-after), and no inlining.
extern "C" __attribute__((noinline, visibility("default"))) he_status guarded_call(const he::bench::Kernel* kernel) {
  const he_status status = kernel->call();
  __asm__ volatile("" ::: "memory");
  return status;
}

namespace {

void print_compiler() {
#if defined(__clang__)
  std::printf("clang-%d.%d\n", __clang_major__, __clang_minor__);
#elif defined(__GNUC__)
  std::printf("gnu-%d.%d\n", __GNUC__, __GNUC_MINOR__);
#else
  std::printf("unknown\n");
#endif
}

int run(he_context* context) {
  // Of every machine the same, so that blocks are.
  context->cache = {32 << 10, 1 << 20, 32 << 20};
  he::bench::Suite suite(context, "");
  he::bench::add_guard_list(suite);
  for (const he::bench::Kernel& k : suite.kernels()) {
    // The first call allocates scratch memory; the second is the one that counts.
    if (k.call() != HE_OK || guarded_call(&k) != HE_OK) {
      std::fprintf(stderr, "error: %s: %s\n", k.name.c_str(), he_last_error());
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  if (std::strcmp(what, "--compiler") == 0) {
    print_compiler();
    return 0;
  }
  he_context* context = nullptr;
  if (he_context_create("avx2", nullptr, 1, &context) != HE_OK) {
    std::fprintf(stderr, "error: %s\n", he_last_error());
    return 1;
  }
  const std::unique_ptr<he_context, decltype(&he_context_destroy)> owner(context, he_context_destroy);
  try {
    if (std::strcmp(what, "--list") != 0) return run(context);
    he::bench::Suite suite(context, "");
    he::bench::add_guard_list(suite);
    for (const he::bench::Kernel& k : suite.kernels()) std::printf("%s\n", k.name.c_str());
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
