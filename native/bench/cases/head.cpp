#include "bench/cases/cases.h"
#include "bench/cases/names.h"

namespace he::bench {

namespace {

// products: of rows x inputs x vocabulary; the logits themselves need never stand in memory.
Work head(int64_t rows, int64_t inputs, int64_t vocabulary, double products, double written) {
  return {Unit::fma, products * 2 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(vocabulary),
          4.0 * static_cast<double>(rows * inputs + inputs * vocabulary), written};
}

}  // namespace

void log_probs(Suite& suite, int64_t rows, int64_t inputs, int64_t vocabulary) {
  he_context* c = suite.context();
  suite.add(sized("log_probs", rows, inputs, vocabulary), head(rows, inputs, vocabulary, 1, 8.0 * static_cast<double>(rows)), [=] {
    const Floats hidden = random_floats(rows * inputs), w = random_floats(he_linear_packed_length(vocabulary, inputs));
    return [=, out = Floats(static_cast<size_t>(2 * rows)), targets = std::vector<int32_t>(static_cast<size_t>(rows), 7)]() mutable {
      return he_log_probs(c, hidden.data(), inputs, rows, inputs, w.data(), vocabulary, nullptr, targets.data(), 1, 0, out.data(),
                          out.data() + rows, nullptr);
    };
  });
}

void log_probs_backward(Suite& suite, int64_t rows, int64_t inputs, int64_t vocabulary) {
  he_context* c = suite.context();
  // Logits again, d hidden, dW; dW is read and written, d hidden written.
  Work work = head(rows, inputs, vocabulary, 3, 4.0 * static_cast<double>(rows * inputs + inputs * vocabulary));
  work.read += 4.0 * static_cast<double>(inputs * vocabulary);
  suite.add(sized("log_probs backward", rows, inputs, vocabulary), work, [=] {
    const Floats hidden = random_floats(rows * inputs), d_log_prob = random_floats(rows);
    Floats w = random_floats(he_linear_packed_length(vocabulary, inputs));
    for (float& v : w) v *= 0.05f;  // logits of a few units
    Floats dw(w.size()), dx(hidden.size()), log_sum_exp(static_cast<size_t>(rows), 12.0f);
    return [=, w = std::move(w), dw = std::move(dw), dx = std::move(dx),
            targets = std::vector<int32_t>(static_cast<size_t>(rows), 7)]() mutable {
      return he_log_probs_backward(c, hidden.data(), inputs, rows, inputs, w.data(), vocabulary, nullptr, targets.data(), 1, 0,
                                   log_sum_exp.data(), nullptr, d_log_prob.data(), nullptr, nullptr, dx.data(), inputs, dw.data(), nullptr);
    };
  });
}

}  // namespace he::bench
