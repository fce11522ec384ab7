#include "cuda/norm/norm.h"

#include "cuda/driver/registry.h"

namespace he::cuda {
namespace {

HE_EMULATED(norm_f32, kNormThreads)
HE_EMULATED(norm_bf16, kNormThreads)

}  // namespace
}  // namespace he::cuda
