// The same products by oneDNN (Debian: libdnnl-dev), with he_bench's roofs, rounds and report: the peer of single matrix products.
// In oneDNN's favour: weights are in the layout that it asks for, and operands of 16 and 8 bits are there already, where ours are rounded
// inside the call; 8 bits have one scale for the whole matrix, ours one for every 32 inputs.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>

#include "bench/cases/names.h"
#include "bench/options.h"
#include "bench/report.h"
#include "bench/roof/together.h"

namespace {

using dnnl::memory;
using Type = memory::data_type;
using Tag = memory::format_tag;
using he::bench::Suite;
using he::bench::Unit;

struct Operand {
  int64_t rows, columns;
  Type type;
  Tag tag;
  memory::desc desc() const { return {{rows, columns}, type, tag}; }
};

double bytes(const Operand& o) { return static_cast<double>(o.rows * o.columns * static_cast<int64_t>(memory::data_type_size(o.type))); }

dnnl::matmul::primitive_desc describe(const dnnl::engine& engine, const Operand& a, const Operand& b, const Operand& c) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine, a.desc(), b.desc(), c.desc()};
#else
  return {dnnl::matmul::desc(a.desc(), b.desc(), c.desc()), engine};
#endif
}

// c = a b.
void multiply(Suite& suite, const dnnl::engine& engine, const std::string& name, Unit unit, const Operand& a, const Operand& b,
              const Operand& c) {
  const double operations = 2.0 * static_cast<double>(a.rows) * static_cast<double>(a.columns) * static_cast<double>(b.columns);
  suite.add(name, {unit, operations, bytes(a) + bytes(b), bytes(c)}, [&] {
    const dnnl::matmul::primitive_desc pd = describe(engine, a, b, c);
    dnnl::stream stream(engine);
    memory x(pd.src_desc(), engine), w(pd.weights_desc(), engine), y(pd.dst_desc(), engine);
    const auto fill = [&](const Operand& o, memory& to) {
      he::bench::Floats values = he::bench::random_floats(o.rows * o.columns);
      if (o.type == Type::u8 || o.type == Type::s8)
        for (float& v : values) v = v * 60 + (o.type == Type::u8 ? 64.0f : 0.0f);
      memory source({{o.rows, o.columns}, Type::f32, o.tag == Tag::any ? Tag::ab : o.tag}, engine, values.data());
      dnnl::reorder(source, to).execute(stream, source, to);
      stream.wait();
    };
    fill(a, x);
    fill(b, w);
    return [=, product = dnnl::matmul(pd)]() mutable {
      product.execute(stream, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}});
      stream.wait();
      return HE_OK;
    };
  });
}

// rows x inputs x outputs, named as he_bench names its own.
void products(Suite& suite, const dnnl::engine& engine, int64_t m, int64_t k, int64_t n) {
  const auto name = [&](const char* what) { return he::bench::sized(what, m, k, n); };
  multiply(suite, engine, name("linear"), Unit::fma, {m, k, Type::f32, Tag::ab}, {k, n, Type::f32, Tag::any}, {m, n, Type::f32, Tag::ab});
  multiply(suite, engine, name("linear dX"), Unit::fma, {m, n, Type::f32, Tag::ab}, {n, k, Type::f32, Tag::any},
           {m, k, Type::f32, Tag::ab});
  multiply(suite, engine, name("linear dW"), Unit::fma, {n, m, Type::f32, Tag::ba}, {m, k, Type::f32, Tag::ab}, {n, k, Type::f32, Tag::ab});
  multiply(suite, engine, name("bf16 linear"), Unit::bf16, {m, k, Type::bf16, Tag::ab}, {k, n, Type::bf16, Tag::any},
           {m, n, Type::f32, Tag::ab});
  multiply(suite, engine, name("bf16 linear dX"), Unit::bf16, {m, n, Type::bf16, Tag::ab}, {n, k, Type::bf16, Tag::any},
           {m, k, Type::f32, Tag::ab});
  multiply(suite, engine, name("bf16 linear dW"), Unit::bf16, {n, m, Type::bf16, Tag::ba}, {m, k, Type::bf16, Tag::ab},
           {n, k, Type::f32, Tag::ab});
  multiply(suite, engine, name("int8 linear"), Unit::int8, {m, k, Type::u8, Tag::ab}, {k, n, Type::s8, Tag::any},
           {m, n, Type::s32, Tag::ab});
}

// oneDNN's threads are OpenMP's, which reads its variables before main.
void restart_with_threads(int threads, char** argv) {
  const std::string wanted = std::to_string(threads);
  if (const char* now = std::getenv("OMP_NUM_THREADS"); now != nullptr && now == wanted) return;
  setenv("OMP_NUM_THREADS", wanted.c_str(), 1);
  execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  he::bench::Options options = he::bench::parse_options(argc, argv, "he_onednn: he_bench's options (but --isa), for oneDNN's products\n");
  if (options.threads == 0) options.threads = static_cast<int>(he::bench::cpus().size());
  restart_with_threads(options.threads, argv);
  try {
    he_context* context = nullptr;  // for its choice of instructions alone, whose roofs these are
    if (he_context_create(nullptr, nullptr, 1, &context) != HE_OK) throw std::runtime_error(he_last_error());
    const std::unique_ptr<he_context, decltype(&he_context_destroy)> owner(context, he_context_destroy);
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    Suite suite(nullptr, options.only);
    for (const int64_t n : {512, 1024, 2048}) products(suite, engine, n, n, n);
    for (const int64_t rows : {1, 8, 32, 64, 512}) products(suite, engine, rows, 576, 1536);
    products(suite, engine, 1, 4096, 14336);
    if (options.list) {
      for (const he::bench::Kernel& k : suite.kernels()) std::printf("%s\n", k.name.c_str());
      return 0;
    }
    const he::bench::Run run{"oneDNN " + std::to_string(DNNL_VERSION_MAJOR) + "." + std::to_string(DNNL_VERSION_MINOR),
                             he_context_isa(context),
                             he_context_matrix(context),
                             options.threads,
                             options.rounds,
                             options.clock};
    he::bench::Roofs roofs(run.isa, run.engine, run.threads);
    he::bench::report(run, roofs, he::bench::run_rounds(suite, roofs, options.rounds, options.clock), options.json);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
