#include "bench/cases/cases.h"

namespace he::bench {

namespace {

std::string elements_of(const char* what, int64_t elements) { return std::string(what) + " " + std::to_string(elements >> 10) + " Ki"; }

}  // namespace

void adamw(Suite& suite, int64_t elements) {
  he_context* c = suite.context();
  const double n = static_cast<double>(elements);
  suite.add(elements_of("adamw", elements), {Unit::fma, 0, 16 * n, 12 * n}, [=] {
    const Floats gradient = random_floats(elements);
    return [=, parameter = random_floats(elements), m = random_floats(elements), v = Floats(gradient.size(), 0.5f)]() mutable {
      return he_adamw(c, elements, parameter.data(), gradient.data(), m.data(), v.data(), 1e-6, 0.9, 0.999, 1e-8, 0.01, 1, nullptr);
    };
  });
}

void squared_norm(Suite& suite, int64_t elements) {
  he_context* c = suite.context();
  suite.add(elements_of("squared norm", elements), {Unit::fma, 0, 4 * static_cast<double>(elements), 0}, [=] {
    return [=, gradient = random_floats(elements), result = 0.0]() mutable {
      const float* tensor = gradient.data();
      return he_squared_norm(c, 1, &tensor, &elements, &result);
    };
  });
}

}  // namespace he::bench
