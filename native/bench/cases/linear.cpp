#include <stdexcept>

#include "bench/cases/cases.h"
#include "bench/cases/names.h"

namespace he::bench {

namespace {

constexpr int32_t kFirstK = 10;  // types of he_convert from here on have no quantizer

// All three products read two of x, y, W and write the third (dW is added to: read as well).
Work product(int64_t rows, int64_t inputs, int64_t outputs, int64_t read, int64_t written) {
  return {Unit::fma, 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(outputs),
          4.0 * static_cast<double>(read), 4.0 * static_cast<double>(written)};
}

}  // namespace

void linear(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs) {
  he_context* c = suite.context();
  suite.add(sized("linear", rows, inputs, outputs), product(rows, inputs, outputs, rows * inputs + inputs * outputs, rows * outputs), [=] {
    const Floats x = random_floats(rows * inputs), w = random_floats(he_linear_packed_length(outputs, inputs));
    return [=, y = Floats(static_cast<size_t>(rows * outputs))]() mutable {
      return he_linear_forward(c, x.data(), inputs, rows, inputs, w.data(), outputs, nullptr, y.data(), outputs, 0);
    };
  });
}

void linear_gradients(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs) {
  he_context* c = suite.context();
  suite.add(sized("linear dX", rows, inputs, outputs), product(rows, inputs, outputs, rows * outputs + inputs * outputs, rows * inputs),
            [=] {
              const Floats dy = random_floats(rows * outputs), w = random_floats(he_linear_packed_length(outputs, inputs));
              return [=, dx = Floats(static_cast<size_t>(rows * inputs))]() mutable {
                return he_linear_backward_input(c, dy.data(), outputs, rows, outputs, w.data(), inputs, dx.data(), inputs, 0);
              };
            });
  suite.add(sized("linear dW", rows, inputs, outputs),
            product(rows, inputs, outputs, rows * (inputs + outputs) + inputs * outputs, inputs * outputs), [=] {
              const Floats x = random_floats(rows * inputs), dy = random_floats(rows * outputs);
              return [=, dw = Floats(static_cast<size_t>(he_linear_packed_length(outputs, inputs)))]() mutable {
                return he_linear_backward_weight(c, x.data(), inputs, dy.data(), outputs, rows, inputs, outputs, dw.data(), nullptr);
              };
            });
}

namespace {

// y = x W^T with a weight in blocks or in 16 bits, by `call`.
template <class Call>
void block_linear(Suite& suite, const char* name, Unit unit, int32_t type, int64_t rows, int64_t inputs, int64_t outputs, Call call) {
  he_context* c = suite.context();
  const int64_t packed = he_compact_length(type, outputs, inputs);
  const Work work{unit, 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(outputs),
                  4.0 * static_cast<double>(rows * inputs) + static_cast<double>(packed), 4.0 * static_cast<double>(rows * outputs)};
  suite.add(sized(name, rows, inputs, outputs), work, [=] {
    const Floats x = random_floats(rows * inputs);
    Buffer<uint8_t> file(static_cast<size_t>(outputs * inputs * 2)), w(static_cast<size_t>(packed));
    if (type < kFirstK) {
      const Floats values = random_floats(outputs * inputs);
      if (he_convert(c, outputs * inputs, 0, values.data(), type, file.data()) != HE_OK) throw std::runtime_error(he_last_error());
    }  // blocks of K types: of zeros, which take as long
    if (he_compact_pack(c, type, file.data(), outputs, inputs, w.data()) != HE_OK) throw std::runtime_error(he_last_error());
    return [=, w = std::move(w), y = Floats(static_cast<size_t>(rows * outputs))]() mutable {
      return call(c, type, x.data(), inputs, rows, inputs, w.data(), outputs, nullptr, y.data(), outputs, 0);
    };
  });
}

}  // namespace

void compact(Suite& suite, const char* name, int32_t type, int64_t rows, int64_t inputs, int64_t outputs) {
  block_linear(suite, name, Unit::fma, type, rows, inputs, outputs, he_compact_linear);
}

void int8_linear(Suite& suite, const char* name, int32_t type, int64_t rows, int64_t inputs, int64_t outputs) {
  block_linear(suite, name, Unit::int8, type, rows, inputs, outputs, he_int8_linear);
}

}  // namespace he::bench
