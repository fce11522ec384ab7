#include "cuda/attention/float_attention.h"

#include "cuda/driver/registry.h"

namespace he::cuda {
namespace {

HE_EMULATED(write_cache, kWriteCacheThreads)
HE_EMULATED(copy_blocks, kWriteCacheThreads)
HE_EMULATED(attention_combine_f32, kWarp)
HE_EMULATED(attention_delta_f32, kWarp)

#define HE_WIDTH(W)                                                    \
  HE_EMULATED(attention_packed_f32_##W, kForwardWarps * kWarp)         \
  HE_EMULATED(attention_paged_f32_##W, kForwardWarps * kWarp)          \
  HE_EMULATED(attention_split_f32_##W, kSplitWarps * kWarp)            \
  HE_EMULATED(attention_backward_dq_f32_##W, kForwardWarps * kWarp)    \
  HE_EMULATED(attention_backward_dkv_f32_##W, kForwardWarps * kWarp)
HE_WIDTH(32)
HE_WIDTH(64)
HE_WIDTH(128)
HE_WIDTH(256)

}  // namespace
}  // namespace he::cuda
