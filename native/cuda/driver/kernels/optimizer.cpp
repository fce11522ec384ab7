#include "cuda/optimizer/optimizer.h"

#include "cuda/driver/registry.h"

namespace he::cuda {
namespace {

HE_EMULATED(adamw, kOptimizerThreads)
HE_EMULATED(squared_norm, kOptimizerThreads)
HE_EMULATED(sum_partials, kOptimizerThreads)
HE_EMULATED(clip_coefficient, kWarp)

}  // namespace
}  // namespace he::cuda
