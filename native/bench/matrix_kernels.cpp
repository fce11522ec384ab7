#include <memory>
#include <utility>

#include "bench/harness.h"

namespace he::bench {

namespace {

std::string sizes(const char* what, int64_t m, int64_t k, int64_t n) {
  return std::string(what) + " " + std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n);
}

// y, dx, dW of rows x inputs x outputs.
void add_linear(std::vector<Kernel>& list, he_context* c, int64_t rows, int64_t inputs, int64_t outputs, bool gradients) {
  struct Data {
    Floats x, y, w, dw;
  };
  auto d = std::make_shared<Data>();
  d->x = random_floats(rows * inputs);
  d->y = random_floats(rows * outputs);
  d->w = random_floats(he_linear_packed_length(outputs, inputs));
  const double operations = 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(outputs);
  const double bytes = 4.0 * static_cast<double>(rows * inputs + rows * outputs + inputs * outputs);
  list.push_back({sizes("linear", rows, inputs, outputs), operations, bytes,
                  [=] { return he_linear_forward(c, d->x.data(), inputs, rows, inputs, d->w.data(), outputs, nullptr, d->y.data(), outputs, 0); }});
  if (!gradients) return;
  d->dw = random_floats(he_linear_packed_length(outputs, inputs));
  list.push_back({sizes("linear dX", rows, inputs, outputs), operations, bytes,
                  [=] { return he_linear_backward_input(c, d->y.data(), outputs, rows, outputs, d->w.data(), inputs, d->x.data(), inputs, 0); }});
  list.push_back({sizes("linear dW", rows, inputs, outputs), operations, bytes,
                  [=] { return he_linear_backward_weight(c, d->x.data(), inputs, d->y.data(), outputs, rows, inputs, outputs, d->dw.data(), nullptr); }});
}

// y with a weight in its own width: the same operations, fewer bytes.
void add_compact(std::vector<Kernel>& list, he_context* c, const char* name, int32_t type, int64_t rows, int64_t inputs, int64_t outputs) {
  struct Data {
    Floats x, y;
    std::vector<uint8_t> w;
  };
  auto d = std::make_shared<Data>();
  d->x = random_floats(rows * inputs);
  d->y = random_floats(rows * outputs);
  d->w.assign(static_cast<size_t>(he_compact_length(type, outputs, inputs)), 0x11);
  const double operations = 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(outputs);
  const double bytes = 4.0 * static_cast<double>(rows * inputs + rows * outputs) + static_cast<double>(d->w.size());
  list.push_back({sizes(name, rows, inputs, outputs), operations, bytes,
                  [=] { return he_compact_linear(c, type, d->x.data(), inputs, rows, inputs, d->w.data(), outputs, nullptr, d->y.data(), outputs, 0); }});
}

void add_head(std::vector<Kernel>& list, he_context* c, int64_t rows, int64_t inputs, int64_t vocabulary) {
  struct Data {
    Floats hidden, w, dw, out, dx;
    std::vector<int32_t> targets;
  };
  auto d = std::make_shared<Data>();
  d->hidden = random_floats(rows * inputs);
  d->dx = d->hidden;
  d->w = random_floats(he_linear_packed_length(vocabulary, inputs));
  d->dw = d->w;
  d->out = random_floats(4 * rows);
  d->targets.assign(static_cast<size_t>(rows), 7);
  const double operations = 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) * static_cast<double>(vocabulary);
  const double bytes = 4.0 * static_cast<double>(rows * inputs + inputs * vocabulary);
  list.push_back({sizes("log_probs", rows, inputs, vocabulary), operations, bytes,
                  [=] {
                    return he_log_probs(c, d->hidden.data(), inputs, rows, inputs, d->w.data(), vocabulary, nullptr, d->targets.data(), 1, 0, d->out.data(),
                                        d->out.data() + rows, nullptr);
                  }});
  list.push_back({sizes("log_probs backward", rows, inputs, vocabulary), 3 * operations, 3 * bytes,
                  [=] {
                    return he_log_probs_backward(c, d->hidden.data(), inputs, rows, inputs, d->w.data(), vocabulary, nullptr, d->targets.data(), 1, 0,
                                                 d->out.data() + rows, nullptr, d->out.data() + 2 * rows, nullptr, nullptr, d->dx.data(), inputs, d->dw.data(), nullptr);
                  }});
}

}  // namespace

void add_matrix_kernels(std::vector<Kernel>& list, he_context* c) {
  add_linear(list, c, 512, 576, 1536, true);
  add_linear(list, c, 512, 1536, 576, true);
  add_linear(list, c, 1024, 576, 576, true);
  add_linear(list, c, 64, 576, 1536, true);
  add_linear(list, c, 1, 576, 1536, false);     // in the caches
  add_linear(list, c, 1, 576, 49152, false);    // 108 MiB: beyond them
  add_linear(list, c, 1, 4096, 14336, false);   // 224 MiB
  add_linear(list, c, 8, 576, 49152, false);
  add_linear(list, c, 32, 576, 1536, false);
  for (const auto& [name, type] : {std::pair<const char*, int32_t>{"bf16", 1}, {"q8_0", 7}, {"q4_0", 8}, {"q4_1", 9}})
    for (const int64_t rows : {1, 4, 8, 32, 512}) add_compact(list, c, name, type, rows, 576, rows > 8 ? 1536 : 49152);
  add_head(list, c, 512, 576, 49152);
}

}  // namespace he::bench
