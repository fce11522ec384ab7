#include "cuda/attention/attention.h"

#include "cuda/attention/write_kv.h"
#include "cuda/driver/registry.h"

namespace he::cuda {
namespace {

HE_EMULATED(write_kv_bf16, kWriteKvThreads)

#define HE_HEAD_SIZE(D)                                         \
  HE_EMULATED(attention_packed_bf16_##D, kForwardWarps * kWarp) \
  HE_EMULATED(attention_paged_bf16_##D, kForwardWarps * kWarp)  \
  HE_EMULATED(attention_split_bf16_##D, kSplitWarps * kWarp)    \
  HE_EMULATED(attention_combine_bf16_##D, kWarp)
HE_HEAD_SIZE(64)
HE_HEAD_SIZE(80)
HE_HEAD_SIZE(96)
HE_HEAD_SIZE(128)
HE_HEAD_SIZE(256)

}  // namespace
}  // namespace he::cuda
