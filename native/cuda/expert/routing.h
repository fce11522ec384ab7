// Mixture of experts: choice, grouping, combination, load, and their gradients. Contract: IExpertKernels.
#pragma once
#include "cuda/dialect/dialect.h"

namespace he::cuda {

constexpr int kRouteWarps = 4, kRouteThreads = kRouteWarps * 32;

/// A token a warp. Probabilities: soft-max over the experts; chosen: the top_k greatest logits, lower index first among equals.
struct RouteArguments {
  Global<const float> logits;           ///< [tokens, experts]
  Global<int> chosen;                   ///< [tokens, top_k], best first (route: written, backward: read)
  Global<float> weights;                ///< [tokens, top_k]
  Global<const float> d_weights;        ///< [tokens, top_k]: backward
  Global<const float> d_probabilities;  ///< [experts]: load_backward
  Global<float> d_logits;               ///< [tokens, experts]: backward (overwritten), load_backward (added to)
  Global<float> probabilities;          ///< [tokens, experts]: softmax_rows
  long long logits_stride, chosen_stride, weights_stride, d_weights_stride, d_logits_stride;
  int tokens, experts, top_k;
  int normalize;                        ///< 1: the chosen weights are divided by their sum
};

// Grid: (ceil(tokens / kRouteWarps)). kRouteThreads threads, no shared memory.
HE_KERNEL(kRouteThreads) route_experts_f32(RouteArguments a);
HE_KERNEL(kRouteThreads) route_experts_backward_f32(RouteArguments a);
HE_KERNEL(kRouteThreads) expert_probabilities_f32(RouteArguments a);   ///< the soft-max itself, rows side by side
HE_KERNEL(kRouteThreads) expert_load_backward_f32(RouteArguments a);

/// Grouped rows in order of expert, then of choice.
struct GroupArguments {
  Global<const int> chosen;             ///< [choices]: tokens times top_k
  Global<int> row_offsets;              ///< [experts + 1]
  Global<int> tokens;                   ///< [choices]: the token of each grouped row
  Global<int> slots;                    ///< [choices]: the grouped row of each choice
  int choices, experts, top_k;
};

constexpr int kGroupWarps = 8;
/// What every warp counted.
constexpr int kGroupShared = 2 * kGroupWarps * 4;

/// Grid: (experts). kGroupWarps * 32 threads.
HE_KERNEL(kGroupWarps * 32) group_choices(GroupArguments a);

/// Rows of experts to rows of tokens, and back.
struct CombineArguments {
  Global<const float> grouped;          ///< [choices, width]
  Global<const int> slots;              ///< [tokens, top_k]
  Global<const float> weights;          ///< [tokens, top_k]
  Global<const float> dy;               ///< [tokens, width]: backward
  Global<float> y;                      ///< [tokens, width]: forward
  Global<float> d_grouped;              ///< [choices, width]: backward
  Global<float> d_weights;              ///< [tokens, top_k]: backward
  long long grouped_stride, weights_stride, dy_stride, y_stride, d_grouped_stride, d_weights_stride;
  int choices, width, top_k;
};

constexpr int kCombineThreads = 128;
constexpr int kCombineShared = kCombineThreads / 32 * 4;

/// Grid: (tokens). kCombineThreads threads; backward: kCombineShared.
HE_KERNEL(kCombineThreads) combine_choices_f32(CombineArguments a);
HE_KERNEL(kCombineThreads) combine_choices_backward_f32(CombineArguments a);

/// counts[e] += how often e was chosen, sums[e] += its probability, tokens ascending, in float64.
struct LoadArguments {
  Global<const float> probabilities;    ///< [tokens, experts], rows side by side
  Global<const int> chosen;             ///< [choices]
  Global<double> counts, sums;          ///< [experts]
  int tokens, experts, choices;
};

/// Grid: (experts). 32 threads, no shared memory.
HE_KERNEL(32) expert_load(LoadArguments a);

}  // namespace he::cuda
