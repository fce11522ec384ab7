#include "cpu/head/head_isa.h"

HE_ISA_BEGIN

void fill(HeadKernels&);
void fill(HeadKernels& k) {
  k.log_probs = head_log_probs;
  k.log_probs_backward = head_log_probs_backward;
  k.logits = head_logits;
}

HE_ISA_END
