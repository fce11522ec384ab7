#include "bench/cases/cases.h"
#include "bench/cases/names.h"

namespace he::bench {

namespace {

Work product(int64_t rows, int64_t inputs, int64_t outputs, int64_t read, int64_t written) {
  return {Unit::bf16, 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(outputs),
          static_cast<double>(read), static_cast<double>(written)};
}

// W [outputs, inputs] from random float32.
Buffer<uint16_t> weight(he_context* c, int64_t outputs, int64_t inputs) {
  const Floats master = random_floats(he_linear_packed_length(outputs, inputs));
  Buffer<uint16_t> w(static_cast<size_t>(he_bf16_length(outputs, inputs)));
  he_bf16_narrow(c, master.data(), outputs, inputs, w.data());
  return w;
}

}  // namespace

void bf16_linear(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs) {
  he_context* c = suite.context();
  suite.add(sized("bf16 linear", rows, inputs, outputs),
            product(rows, inputs, outputs, 4 * rows * inputs + 2 * inputs * outputs, 4 * rows * outputs), [=] {
              const Floats x = random_floats(rows * inputs);
              return [=, w = weight(c, outputs, inputs), y = Floats(static_cast<size_t>(rows * outputs))]() mutable {
                return he_bf16_forward(c, x.data(), inputs, rows, inputs, w.data(), outputs, nullptr, y.data(), outputs, 0);
              };
            });
}

void bf16_linear_gradients(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs) {
  he_context* c = suite.context();
  suite.add(sized("bf16 linear dX", rows, inputs, outputs),
            product(rows, inputs, outputs, 4 * rows * outputs + 2 * inputs * outputs, 4 * rows * inputs), [=] {
              const Floats dy = random_floats(rows * outputs);
              return [=, w = weight(c, outputs, inputs), dx = Floats(static_cast<size_t>(rows * inputs))]() mutable {
                return he_bf16_backward_input(c, dy.data(), outputs, rows, outputs, w.data(), inputs, dx.data(), inputs, 0);
              };
            });
  suite.add(sized("bf16 linear dW", rows, inputs, outputs),
            product(rows, inputs, outputs, 4 * (rows * (inputs + outputs) + inputs * outputs), 4 * inputs * outputs), [=] {
              const Floats x = random_floats(rows * inputs), dy = random_floats(rows * outputs);
              return [=, dw = Floats(static_cast<size_t>(he_linear_packed_length(outputs, inputs)))]() mutable {
                return he_bf16_backward_weight(c, x.data(), inputs, dy.data(), outputs, rows, inputs, outputs, dw.data(), nullptr);
              };
            });
}

void bf16_log_probs(Suite& suite, int64_t rows, int64_t inputs, int64_t vocabulary) {
  he_context* c = suite.context();
  suite.add(sized("bf16 log_probs", rows, inputs, vocabulary), product(rows, inputs, vocabulary, 4 * rows * inputs + 2 * inputs * vocabulary, 8 * rows), [=] {
    return [=, x = random_floats(rows * inputs), w = weight(c, vocabulary, inputs), out = Floats(static_cast<size_t>(2 * rows)),
            targets = std::vector<int32_t>(static_cast<size_t>(rows), 7)]() mutable {
      return he_bf16_log_probs(c, x.data(), inputs, rows, inputs, w.data(), vocabulary, nullptr, targets.data(), 1, 0, out.data(), out.data() + rows, nullptr);
    };
  });
}

void bf16_log_probs_backward(Suite& suite, int64_t rows, int64_t inputs, int64_t vocabulary) {
  he_context* c = suite.context();
  suite.add(sized("bf16 log_probs backward", rows, inputs, vocabulary),
            product(3 * rows, inputs, vocabulary, 4 * rows * inputs + 6 * inputs * vocabulary, 4 * (rows + vocabulary) * inputs), [=] {
              // A log-sum-exp of 11 is about what random logits have: every probability is a number.
              return [=, x = random_floats(rows * inputs), w = weight(c, vocabulary, inputs), lse = Floats(static_cast<size_t>(rows), 11.0f), d = random_floats(rows),
                      dx = Floats(static_cast<size_t>(rows * inputs)), dw = Floats(static_cast<size_t>(he_linear_packed_length(vocabulary, inputs))),
                      targets = std::vector<int32_t>(static_cast<size_t>(rows), 7)]() mutable {
                return he_bf16_log_probs_backward(c, x.data(), inputs, rows, inputs, w.data(), vocabulary, nullptr, targets.data(), 1, 0, lse.data(), nullptr, d.data(),
                                                  nullptr, nullptr, dx.data(), inputs, dw.data(), nullptr);
              };
            });
}

void bf16_adamw(Suite& suite, int64_t outputs, int64_t inputs) {
  he_context* c = suite.context();
  const int64_t n = he_linear_packed_length(outputs, inputs);
  suite.add(sized("bf16 adamw", outputs, inputs), Work{Unit::fma, 0, 16.0 * static_cast<double>(n), 14.0 * static_cast<double>(n)}, [=] {
    return [=, p = random_floats(n), g = random_floats(n), m = random_floats(n), v = Floats(static_cast<size_t>(n), 0.5f),
            copy = Buffer<uint16_t>(static_cast<size_t>(he_bf16_length(outputs, inputs)))]() mutable {
      return he_adamw_bf16(c, outputs, inputs, p.data(), g.data(), m.data(), v.data(), 1e-6, 0.9, 0.999, 1e-8, 0.01, 1, nullptr, copy.data());
    };
  });
}

}  // namespace he::bench
