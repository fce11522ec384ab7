// What an instruction set provides: one table of function pointers per family, filled by that family's fill_<family>().
#pragma once
#include "cpu/activation/activation.h"
#include "cpu/attention/attention.h"
#include "cpu/compact/compact.h"
#include "cpu/embedding/embedding.h"
#include "cpu/head/head.h"
#include "cpu/conversion/conversion.h"
#include "cpu/expert/expert.h"
#include "cpu/linear/linear.h"
#include "cpu/norm/norm.h"
#include "cpu/optimizer/optimizer.h"
#include "cpu/position/position.h"
#include "cpu/sampling/sampling.h"
#include "cpu/simd/elementary.h"

namespace he {

struct KernelTable {
  cpu::LinearKernels linear;
  cpu::CompactKernels compact;
  cpu::EmbeddingKernels embedding;
  cpu::HeadKernels head;
  cpu::ElementaryKernels elementary;
  cpu::NormKernels norm;
  cpu::PositionKernels position;
  cpu::ActivationKernels activation;
  cpu::AttentionKernels attention;
  cpu::ExpertKernels expert;
  cpu::SamplingKernels sampling;
  cpu::OptimizerKernels optimizer;
  cpu::ConversionKernels conversion;
};

}  // namespace he
