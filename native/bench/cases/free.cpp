#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/cases/cases.h"
#include "bench/cases/names.h"
#include "core/context.h"
#if defined(HE_BENCH_FREE)
#include "bench/free/free_linear.h"
#endif

namespace he::bench {

#if defined(HE_BENCH_FREE)

namespace {

// One product's operands, which every order of it works on: what stands where in memory would make more difference than the order.
struct Operands {
  Operands(int64_t rows, int64_t inputs, int64_t outputs)
      : x(random_floats(rows * inputs)), w(random_floats(he_linear_packed_length(outputs, inputs))), y(random_floats(rows * outputs)) {}
  Floats x, w, y;
};

using Call = std::function<void(Operands&)>;

// The same operation several times: names and how each is called.
void add_orders(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs, const std::vector<std::pair<std::string, Call>>& orders) {
  const double operations = 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(outputs);
  const double bytes = 4.0 * static_cast<double>(rows * inputs + inputs * outputs), written = 4.0 * static_cast<double>(rows * outputs);
  const auto operands = std::make_shared<std::unique_ptr<Operands>>();
  for (const auto& [name, call] : orders)
    suite.add(sized(name, rows, inputs, outputs), Work{Unit::fma, operations, bytes, written}, [&, call = call] {
      if (*operands == nullptr) *operands = std::make_unique<Operands>(rows, inputs, outputs);
      return [operands, call] {
        call(**operands);
        return HE_OK;
      };
    });
}

}  // namespace

void free_linear(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs) {
  he_context* c = suite.context();
  if (std::string(c->isa.name) != "avx512") return;
  static const FreeLinear k = free_linear_kernels();
  const auto forward = [=](const cpu::LinearKernels& kernels) -> Call {
    return [=, call = kernels.forward](Operands& o) { call(c->resources(), o.x.data(), inputs, rows, inputs, o.w.data(), outputs, nullptr, o.y.data(), outputs, false); };
  };
  std::vector<std::pair<std::string, Call>> orders{{"kept linear", forward(c->isa.kernels.linear)}, {"free linear", forward(k.chain)}};
  if (rows <= 8) orders.emplace_back("split linear", [=](Operands& o) { k.forward_split(c->resources(), o.x.data(), rows, inputs, o.w.data(), outputs, o.y.data()); });
  add_orders(suite, rows, inputs, outputs, orders);
}

void free_linear_gradients(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs) {
  he_context* c = suite.context();
  if (std::string(c->isa.name) != "avx512") return;
  static const FreeLinear k = free_linear_kernels();
  const auto input = [=](const cpu::LinearKernels& kernels) -> Call {
    return [=, call = kernels.backward_input](Operands& o) { call(c->resources(), o.y.data(), outputs, rows, outputs, o.w.data(), inputs, o.x.data(), inputs, false); };
  };
  const auto weight = [=](const cpu::LinearKernels& kernels) -> Call {
    return [=, call = kernels.backward_weight](Operands& o) { call(c->resources(), o.x.data(), inputs, o.y.data(), outputs, rows, inputs, outputs, o.w.data(), nullptr); };
  };
  add_orders(suite, rows, inputs, outputs, {{"kept linear dX", input(c->isa.kernels.linear)}, {"free linear dX", input(k.chain)}});
  add_orders(suite, rows, inputs, outputs, {{"kept linear dW", weight(c->isa.kernels.linear)}, {"free linear dW", weight(k.chain)}});
}

#else

void free_linear(Suite&, int64_t, int64_t, int64_t) {}
void free_linear_gradients(Suite&, int64_t, int64_t, int64_t) {}

#endif

}  // namespace he::bench
