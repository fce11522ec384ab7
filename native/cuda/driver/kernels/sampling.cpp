#include "cuda/sampling/sampling.h"

#include "cuda/driver/registry.h"

namespace he::cuda {
namespace {

HE_EMULATED(sampling_draw, kSamplingThreads)
HE_EMULATED(sampling_process, kSamplingThreads)
HE_EMULATED(sampling_top, kSamplingThreads)
HE_EMULATED(sampling_temperatures, kSamplingThreads)

}  // namespace
}  // namespace he::cuda
