// Optimizer exports.
#include "cpu/optimizer/optimizer.h"

#include <cmath>

#include "abi/guard.h"
#include "abi/ranges.h"
#include "core/context.h"

extern "C" {

he_status he_adamw(he_context* ctx, int64_t n, float* parameter, const float* gradient, float* m, float* v, double learning_rate,
                   double beta1, double beta2, double epsilon, double weight_decay, int64_t step, const float* gradient_scale) {
  return he::guard([&] {
    he::require(ctx != nullptr, "adamw: context is null");
    he::require(n >= 0, "adamw: the count must not be negative");
    he::require(step >= 1, "adamw: steps count from 1");
    he::require(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, "adamw: betas must be in [0, 1)");
    if (n == 0) return;
    he::require(parameter != nullptr && gradient != nullptr && m != nullptr && v != nullptr,
                "adamw: parameter, gradient, m and v must not be null");
    const double correction1 = 1 - std::pow(beta1, static_cast<double>(step)), correction2 = 1 - std::pow(beta2, static_cast<double>(step));
    const he::cpu::AdamW a{parameter,
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
    const int64_t pieces = (n + he::kPieceElements - 1) / he::kPieceElements;
    ctx->pool.parallel_for(
        pieces, [&](int64_t i) { ctx->isa.kernels.optimizer.adamw(a, i * he::kPieceElements, std::min(n, (i + 1) * he::kPieceElements)); });
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
