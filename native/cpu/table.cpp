// The kernel table of one instruction set; compiled once per set.
#include "core/kernel_table.h"
#include "cpu/simd/isa.h"

HE_ISA_BEGIN

// One line a family; each is defined in cpu/<family>/<family>.cpp.
void fill(LinearKernels&);
void fill(CompactKernels&);
void fill(EmbeddingKernels&);
void fill(HeadKernels&);
void fill(ElementaryKernels&);
void fill(NormKernels&);
void fill(PositionKernels&);
void fill(ActivationKernels&);
void fill(AttentionKernels&);
void fill(ExpertKernels&);
void fill(SamplingKernels&);
void fill(OptimizerKernels&);
void fill(ConversionKernels&);

KernelTable kernel_table();
KernelTable kernel_table() {
  KernelTable t;
  fill(t.linear);
  fill(t.compact);
  fill(t.embedding);
  fill(t.head);
  fill(t.elementary);
  fill(t.norm);
  fill(t.position);
  fill(t.activation);
  fill(t.attention);
  fill(t.expert);
  fill(t.sampling);
  fill(t.optimizer);
  fill(t.conversion);
  return t;
}

HE_ISA_END
