// Optimizer exports.
#include "cpu/optimizer/optimizer.h"

#include <cmath>

#include "abi/guard.h"
#include "abi/ranges.h"
#include "core/context.h"

namespace {

void require_step(const void* ctx, double beta1, double beta2, int64_t step) {
  he::require(ctx != nullptr, "adamw: context is null");
  he::require(step >= 1, "adamw: steps count from 1");
  he::require(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, "adamw: betas must be in [0, 1)");
}

he::cpu::AdamW constants(float* parameter, const float* gradient, float* m, float* v, double learning_rate, double beta1, double beta2, double epsilon,
                         double weight_decay, int64_t step, const float* gradient_scale) {
  he::require(parameter != nullptr && gradient != nullptr && m != nullptr && v != nullptr, "adamw: parameter, gradient, m and v must not be null");
  const double correction1 = 1 - std::pow(beta1, static_cast<double>(step)), correction2 = 1 - std::pow(beta2, static_cast<double>(step));
  return {parameter,
          gradient,
          m,
          v,
          static_cast<float>(1 - learning_rate * weight_decay),
          static_cast<float>(1 - beta1),
          static_cast<float>(beta2),
          static_cast<float>(1 - beta2),
          static_cast<float>(learning_rate / correction1),
          static_cast<float>(1 / std::sqrt(correction2)),
          static_cast<float>(epsilon),
          gradient_scale};
}

}  // namespace

extern "C" {

he_status he_adamw(he_context* ctx, int64_t n, float* parameter, const float* gradient, float* m, float* v, double learning_rate,
                   double beta1, double beta2, double epsilon, double weight_decay, int64_t step, const float* gradient_scale) {
  return he::guard([&] {
    require_step(ctx, beta1, beta2, step);
    he::require(n >= 0, "adamw: the count must not be negative");
    if (n == 0) return;
    const he::cpu::AdamW a = constants(parameter, gradient, m, v, learning_rate, beta1, beta2, epsilon, weight_decay, step, gradient_scale);
    const int64_t pieces = (n + he::kPieceElements - 1) / he::kPieceElements;
    ctx->pool.parallel_for(
        pieces, [&](int64_t i) { ctx->isa.kernels.optimizer.adamw(a, i * he::kPieceElements, std::min(n, (i + 1) * he::kPieceElements)); });
  });
}

he_status he_adamw_bf16(he_context* ctx, int64_t outputs, int64_t inputs, float* parameter, const float* gradient, float* m, float* v, double learning_rate,
                        double beta1, double beta2, double epsilon, double weight_decay, int64_t step, const float* gradient_scale, uint16_t* copy) {
  return he::guard([&] {
    require_step(ctx, beta1, beta2, step);
    he::require(outputs >= 0 && inputs >= 0, "adamw: outputs and inputs must be 0 or more");
    if (outputs == 0 || inputs == 0) return;
    he::require(copy != nullptr, "adamw: copy must not be null");
    const he::cpu::AdamW a = constants(parameter, gradient, m, v, learning_rate, beta1, beta2, epsilon, weight_decay, step, gradient_scale);
    constexpr int64_t kPairs = he::kPieceElements / (2 * he::cpu::kPanel);
    const int64_t panels = (outputs + he::cpu::kPanel - 1) / he::cpu::kPanel, pairs = (inputs + 1) / 2, pieces = (pairs + kPairs - 1) / kPairs;
    ctx->pool.parallel_for(panels * pieces, [&](int64_t i) {
      const int64_t begin = i % pieces * kPairs;
      ctx->isa.kernels.optimizer.adamw_copy(a, i / pieces, inputs, begin, std::min(pairs, begin + kPairs), copy);
    });
  });
}

he_status he_squared_norm(he_context* ctx, int32_t count, const float* const* tensors, const int64_t* lengths, double* result) {
  return he::guard([&] {
    he::require(ctx != nullptr && result != nullptr, "squared norm: context and result must not be null");
    he::require(count >= 0 && (count == 0 || (tensors != nullptr && lengths != nullptr)),
                "squared norm: tensors and lengths must not be null");
    constexpr int64_t kChunk = he::cpu::kNormElements, kGroup = 16;  // chunks handed to a thread at once: 256 KiB
    double total = 0;
    for (int32_t t = 0; t < count; ++t) {
      const float* x = tensors[t];
      const int64_t n = lengths[t];
      he::require(n >= 0 && (n == 0 || x != nullptr), "squared norm: a tensor is null or has a negative length");
      const int64_t chunks = (n + kChunk - 1) / kChunk;
      ctx->scratch.reserve(0, static_cast<size_t>(2 * chunks));
      double* partial = reinterpret_cast<double*>(ctx->scratch.shared());
      ctx->pool.parallel_for((chunks + kGroup - 1) / kGroup, [&](int64_t group) {
        for (int64_t c = group * kGroup; c < std::min(chunks, (group + 1) * kGroup); ++c)
          partial[c] = ctx->isa.kernels.optimizer.sum_of_squares(x + c * kChunk, std::min(kChunk, n - c * kChunk));
      });
      double sum = 0;
      for (int64_t c = 0; c < chunks; ++c) sum += partial[c];
      total += sum;
    }
    *result = total;
  });
}

}  // extern "C"
