// Log-probabilities, their entropies and gradients, from logits that exist for one piece of the vocabulary at a time. Contract: IHeadKernels, ISamplingKernels.
//
// Forward: for pieces of the vocabulary (whole tiles, any number of them) the logits by the linear product into a workspace, head_tiles on them; then head_finish.
// Backward: the piece's logits again, head_gradient turns them into dz in place, and the linear backward products add dHidden, dHead and dBias; pieces ascending.
// Stored logits are one piece. [tokens, vocabulary] is never stored; what is kept for a row is 16 bytes a tile of 512.
#pragma once
#include "cuda/head/log_sum_exp.h"

namespace he::cuda {

struct HeadTilesArguments {
  Global<const float> logits;        ///< [rows, columns], a row every stride: before the soft-cap
  Global<const float> temperature;   ///< [rows], 0 counts as 1; or none: `inverse` for all
  Global<const int> targets;         ///< [rows], or none
  Global<float> partial;             ///< [rows, tiles, 4] RowSum
  Global<float> target_z;            ///< [rows] z of the target, written by the piece that has it; with targets
  long long stride;
  int columns, first, tiles;         ///< columns of this piece, the first of them (a multiple of kVocabularyTile), tiles of the whole vocabulary
  float inverse;                     ///< 1 / temperature
  float soft_cap;                    ///< 0: none, or capped already
};

struct HeadFinishArguments {
  Global<const float> partial;       ///< [rows, tiles, 4]
  Global<const float> target_z;      ///< [rows]; with targets
  Global<const int> targets;         ///< [rows], or none; a negative one gives log-probability 0
  Global<float> log_prob;            ///< [rows], or none
  Global<float> log_sum_exp;         ///< [rows], or none
  Global<float> entropy;             ///< [rows], or none
  int rows, tiles;
};

/// dz = dLogProb (onehot - p) + dLogSumExp p - dEntropy p (z - lse + entropy), through temperature and cap.
struct HeadGradientArguments {
  Global<float> logits;              ///< [rows, columns], a row every stride: before the soft-cap; becomes dz
  Global<const int> targets;         ///< [rows]
  Global<const float> log_sum_exp;   ///< [rows]
  Global<const float> entropy;       ///< [rows]; with d_entropy
  Global<const float> d_log_prob, d_log_sum_exp, d_entropy;  ///< [rows] each, or none
  long long stride;
  int columns, first;
  float inverse, soft_cap;
};

/// Logits as they are stored: soft-cap in place.
struct CapLogitsArguments {
  Global<float> logits;              ///< [rows, columns], a row every stride
  long long stride;
  int columns;
  float soft_cap;
};

/// z - lse. logits and log_probs may be the same rows.
struct LogSoftmaxArguments {
  Global<const float> logits;        ///< [rows, columns]
  Global<const float> temperature;   ///< [rows], 0 counts as 1
  Global<const float> log_sum_exp;   ///< [rows]
  Global<float> log_probs;           ///< [rows, columns]
  long long stride, to_stride;
  int columns;
};

constexpr int kHeadThreads = 128;
constexpr int kHeadColumns = 4 * kHeadThreads;  ///< of a block of the element-wise kernels

/// Grid: (rows, ceil(tiles of the piece / 4)). No shared memory in this family.
HE_KERNEL(kHeadThreads) head_tiles(HeadTilesArguments a);
/// Grid: (ceil(rows / 4)).
HE_KERNEL(kHeadThreads) head_finish(HeadFinishArguments a);
/// Grid: (rows, ceil(columns / kHeadColumns)).
HE_KERNEL(kHeadThreads) head_gradient(HeadGradientArguments a);
HE_KERNEL(kHeadThreads) cap_logits(CapLogitsArguments a);
HE_KERNEL(kHeadThreads) log_softmax(LogSoftmaxArguments a);

}  // namespace he::cuda
