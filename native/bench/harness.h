// A list of kernels, timed in turns with the roofs of the machine that they share.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hybridengine/he.h"

namespace he::bench {

using Floats = std::vector<float>;

struct Kernel {
  std::string name;
  double operations, bytes;  // of one call; bytes that must move when nothing is cached
  std::function<he_status()> call;
  std::vector<double> seconds{};
};

// Uniform in (-1, 1); every call goes on in one sequence.
Floats random_floats(int64_t n);

// Products y = x W^T with their gradients, and the head's log-probabilities, from one row to training batches.
void add_matrix_kernels(std::vector<Kernel>& list, he_context* c);

// Attention, norms, activations, the optimizer and sampling, in SmolLM2-135M's shapes.
void add_layer_kernels(std::vector<Kernel>& list, he_context* c);

}  // namespace he::bench
