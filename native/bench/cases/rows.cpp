#include "bench/cases/cases.h"
#include "bench/cases/names.h"

namespace he::bench {

namespace {

// Passes over [rows, width] of float32; the arithmetic never binds.
Work passes(int64_t rows, int64_t width, double read, double written) {
  const double pass = 4.0 * static_cast<double>(rows * width);
  return {Unit::fma, 0, read * pass, written * pass};
}

constexpr int32_t kSilu = 1;

}  // namespace

void norm(Suite& suite, int64_t rows, int64_t width) {
  he_context* c = suite.context();
  suite.add(sized("norm with residual", rows, width), passes(rows, width, 2, 2), [=] {
    const Floats x = random_floats(rows * width), residual = random_floats(rows * width), weight = random_floats(width);
    return [=, sum = Floats(x.size()), y = Floats(x.size()), statistics = Floats(static_cast<size_t>(2 * rows))]() mutable {
      return he_norm(c, rows, width, x.data(), width, residual.data(), width, weight.data(), nullptr, 0, 1e-5f, 0, sum.data(), width,
                     y.data(), width, statistics.data(), 2);
    };
  });
}

void norm_backward(Suite& suite, int64_t rows, int64_t width) {
  he_context* c = suite.context();
  suite.add(sized("norm backward", rows, width), passes(rows, width, 2, 1), [=] {
    const Floats dy = random_floats(rows * width), sum = random_floats(rows * width), weight = random_floats(width);
    return [=, statistics = Floats(static_cast<size_t>(2 * rows), 1.0f), d_sum = Floats(dy.size()),
            d_weight = Floats(weight.size())]() mutable {
      return he_norm_backward(c, rows, width, dy.data(), width, sum.data(), width, weight.data(), statistics.data(), 2, 0, 0, d_sum.data(),
                              width, 0, d_weight.data(), nullptr);
    };
  });
}

void rotary(Suite& suite, int64_t rows, const Heads& h) {
  he_context* c = suite.context();
  const int64_t width = h.query * h.size;
  suite.add(sized("rotary", rows, width), passes(rows, width, 1, 1), [=] {
    const Floats table = random_floats(rows * h.size);
    std::vector<int32_t> positions(static_cast<size_t>(rows));
    for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int32_t>(i);
    return [=, x = random_floats(rows * width)]() mutable {
      return he_rotary(c, rows, h.query, h.size, x.data(), width, h.size, positions.data(), table.data(), rows, h.size, h.size, 0, 0);
    };
  });
}

void gate(Suite& suite, int64_t rows, int64_t width) {
  he_context* c = suite.context();
  suite.add(sized("gate (silu)", rows, width), passes(rows, width, 2, 1), [=] {
    const Floats gate = random_floats(rows * width), up = random_floats(rows * width);
    return [=, y = Floats(gate.size())]() mutable {
      return he_gate(c, kSilu, rows, width, gate.data(), width, up.data(), width, y.data(), width);
    };
  });
}

void gate_backward(Suite& suite, int64_t rows, int64_t width) {
  he_context* c = suite.context();
  suite.add(sized("gate backward", rows, width), passes(rows, width, 3, 2), [=] {
    const Floats gate = random_floats(rows * width), up = random_floats(rows * width), dy = random_floats(rows * width);
    return [=, d_gate = Floats(gate.size()), d_up = Floats(gate.size())]() mutable {
      return he_gate_backward(c, kSilu, rows, width, gate.data(), width, up.data(), width, dy.data(), width, d_gate.data(), width,
                              d_up.data(), width);
    };
  });
}

}  // namespace he::bench
