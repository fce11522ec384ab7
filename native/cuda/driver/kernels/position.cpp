#include "cuda/driver/registry.h"
#include "cuda/position/rotary.h"

namespace he::cuda {
namespace {

HE_EMULATED(rotary_f32, kRotaryThreads)
HE_EMULATED(rotary_bf16, kRotaryThreads)

}  // namespace
}  // namespace he::cuda
