#include "bench/cases/cases.h"
#include "bench/cases/names.h"
#include "core/context.h"
#if defined(HE_BENCH_FREE)
#include "bench/free/free_linear.h"
#endif

namespace he::bench {

#if defined(HE_BENCH_FREE)

namespace {

Work product(int64_t rows, int64_t inputs, int64_t outputs, int64_t read, int64_t written) {
  return {Unit::fma, 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(outputs),
          4.0 * static_cast<double>(read), 4.0 * static_cast<double>(written)};
}

}  // namespace

void free_linear(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs) {
  he_context* c = suite.context();
  if (std::string(c->isa.name) != "avx512") return;
  static const FreeLinear k = free_linear_kernels();
  const Work forward = product(rows, inputs, outputs, rows * inputs + inputs * outputs, rows * outputs);
  suite.add(sized("free linear", rows, inputs, outputs), forward, [=] {
    return [=, x = random_floats(rows * inputs), w = random_floats(he_linear_packed_length(outputs, inputs)), y = Floats(static_cast<size_t>(rows * outputs))]() mutable {
      k.chain.forward(c->resources(), x.data(), inputs, rows, inputs, w.data(), outputs, nullptr, y.data(), outputs, false);
      return HE_OK;
    };
  });
  if (rows <= 8)
    suite.add(sized("split linear", rows, inputs, outputs), forward, [=] {
      return [=, x = random_floats(rows * inputs), w = random_floats(he_linear_packed_length(outputs, inputs)), y = Floats(static_cast<size_t>(rows * outputs))]() mutable {
        k.forward_split(c->resources(), x.data(), rows, inputs, w.data(), outputs, y.data());
        return HE_OK;
      };
    });
}

void free_linear_gradients(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs) {
  he_context* c = suite.context();
  if (std::string(c->isa.name) != "avx512") return;
  static const FreeLinear k = free_linear_kernels();
  suite.add(sized("free linear dX", rows, inputs, outputs), product(rows, inputs, outputs, rows * outputs + inputs * outputs, rows * inputs), [=] {
    return [=, dy = random_floats(rows * outputs), w = random_floats(he_linear_packed_length(outputs, inputs)), dx = Floats(static_cast<size_t>(rows * inputs))]() mutable {
      k.chain.backward_input(c->resources(), dy.data(), outputs, rows, outputs, w.data(), inputs, dx.data(), inputs, false);
      return HE_OK;
    };
  });
  suite.add(sized("free linear dW", rows, inputs, outputs), product(rows, inputs, outputs, rows * (inputs + outputs) + inputs * outputs, inputs * outputs), [=] {
    return [=, x = random_floats(rows * inputs), dy = random_floats(rows * outputs),
            dw = Floats(static_cast<size_t>(he_linear_packed_length(outputs, inputs)))]() mutable {
      k.chain.backward_weight(c->resources(), x.data(), inputs, dy.data(), outputs, rows, inputs, outputs, dw.data(), nullptr);
      return HE_OK;
    };
  });
}

#else

void free_linear(Suite&, int64_t, int64_t, int64_t) {}
void free_linear_gradients(Suite&, int64_t, int64_t, int64_t) {}

#endif

}  // namespace he::bench
