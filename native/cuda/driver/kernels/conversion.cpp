#include "cuda/conversion/cast.h"

#include "cuda/driver/registry.h"

namespace he::cuda {
namespace {

HE_EMULATED(cast_f32_bf16, kCastThreads)
HE_EMULATED(cast_bf16_f32, kCastThreads)

}  // namespace
}  // namespace he::cuda
