#include "cuda/activation/activation.h"

#include "cuda/driver/registry.h"

namespace he::cuda {
namespace {

HE_EMULATED(activate_f32, kElementThreads)
HE_EMULATED(activate_backward_f32, kElementThreads)
HE_EMULATED(gate_f32, kElementThreads)
HE_EMULATED(gate_backward_f32, kElementThreads)
HE_EMULATED(axpby_f32, kElementThreads)
HE_EMULATED(scale_columns_f32, kElementThreads)

}  // namespace
}  // namespace he::cuda
