#include "cuda/driver/registry.h"
#include "cuda/expert/grouped.h"
#include "cuda/expert/routing.h"

namespace he::cuda {
namespace {

HE_EMULATED(route_experts_f32, kRouteThreads)
HE_EMULATED(route_experts_backward_f32, kRouteThreads)
HE_EMULATED(expert_probabilities_f32, kRouteThreads)
HE_EMULATED(expert_load_backward_f32, kRouteThreads)
HE_EMULATED(group_choices, kGroupWarps * kWarp)
HE_EMULATED(combine_choices_f32, kCombineThreads)
HE_EMULATED(combine_choices_backward_f32, kCombineThreads)
HE_EMULATED(expert_load, kWarp)

HE_EMULATED(grouped_bf16_forward, product_threads(64))
HE_EMULATED(grouped_bf16_input, product_threads(64))
HE_EMULATED(grouped_bf16_weight, product_threads(64))
HE_EMULATED(grouped_f32_input, kF32Threads)
HE_EMULATED(grouped_f32_weight, kF32Threads)
#define HE_FORMAT(NAME, FORMAT) HE_EMULATED(grouped_f32_forward_##NAME, kF32Threads)
HE_WEIGHT_FORMATS(HE_FORMAT)

}  // namespace
}  // namespace he::cuda
