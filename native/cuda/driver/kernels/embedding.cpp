#include "cuda/embedding/embedding.h"

#include "cuda/driver/registry.h"

namespace he::cuda {
namespace {

#define HE_FORMAT(NAME, FORMAT) HE_EMULATED(embed_##NAME, kEmbedThreads)
HE_WEIGHT_FORMATS(HE_FORMAT)
HE_EMULATED(gather_rows_f32, kEmbedThreads)
HE_EMULATED(scatter_add_rows_f32, kEmbedThreads)

}  // namespace
}  // namespace he::cuda
