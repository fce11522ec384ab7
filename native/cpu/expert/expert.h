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

// The experts' results on their way back to the tokens.
struct Combination {
  int64_t top_k, width;
  const float* grouped;  // [tokens * top_k, width]
  int64_t grouped_stride;
  const int32_t* slots;  // [tokens, top_k] rows of grouped
  const float* weights;  // [tokens, top_k]
  int64_t weights_stride;
  float* y;  // [tokens, width], of the forward
  int64_t y_stride;
  const float* dy;  // of the backward, as the rest
  int64_t dy_stride;
  float* d_grouped;
  int64_t d_grouped_stride;
  float* d_weights;
  int64_t d_weights_stride;
};

struct ExpertKernels {
  void (*route)(const Routing&, int64_t token, float* scratch);  // scratch: experts floats
  void (*route_backward)(const Routing&, int64_t token, float* scratch);
  void (*combine)(const Combination&, int64_t token);
  void (*combine_backward)(const Combination&, int64_t token);
  void (*softmax)(const float* logits, int64_t n, float* p);
  void (*load_backward)(const float* logits, const float* d_probabilities, int64_t n, float* d_logits, float* scratch);  // scratch: n floats
};

}  // namespace he::cpu
