#include "cuda/norm/norm.h"

#include "cuda/driver/registry.h"
#include "cuda/norm/norm_backward.h"

namespace he::cuda {
namespace {

HE_EMULATED(norm_f32, kNormThreads)
HE_EMULATED(norm_bf16, kNormThreads)
HE_EMULATED(norm_backward_f32, kNormBackwardThreads)
HE_EMULATED(column_sums_f32, kColumnSumWarps * kWarp)

}  // namespace
}  // namespace he::cuda
