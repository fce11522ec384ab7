#include "cuda/head/head.h"

#include "cuda/driver/registry.h"

namespace he::cuda {
namespace {

HE_EMULATED(head_tiles, kHeadThreads)
HE_EMULATED(head_finish, kHeadThreads)
HE_EMULATED(head_gradient, kHeadThreads)
HE_EMULATED(cap_logits, kHeadThreads)
HE_EMULATED(log_softmax, kHeadThreads)

}  // namespace
}  // namespace he::cuda
