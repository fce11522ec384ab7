// Expert family: choice of experts. Products by expert are the linear family's, one call a group.
#pragma once
#include <cstdint>

namespace he::cpu {

struct Routing {
  const float* logits;  // [tokens, experts]
  int64_t logits_stride, experts, top_k;
  bool normalize;
  int32_t* chosen;  // [tokens, top_k], written by the forward, read by the backward
  int64_t chosen_stride;
  float* weights;  // [tokens, top_k], of the forward
  int64_t weights_stride;
  const float* d_weights;  // [tokens, top_k], of the backward
  int64_t d_weights_stride;
  float* d_logits;  // [tokens, experts], of the backward; the forward uses `scratch`
  int64_t d_logits_stride;
};

struct ExpertKernels {
  void (*route)(const Routing&, int64_t token, float* scratch);  // scratch: experts floats
  void (*route_backward)(const Routing&, int64_t token, float* scratch);
};

}  // namespace he::cpu
