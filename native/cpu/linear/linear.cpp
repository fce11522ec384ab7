#include "cpu/linear/linear_isa.h"

HE_ISA_BEGIN

void fill(LinearKernels&);
void fill(LinearKernels& k) {
  k.pack = linear_pack;
  k.unpack = linear_unpack;
  k.forward = linear_forward;
  k.backward_input = linear_backward_input;
  k.backward_weight = linear_backward_weight;
  k.merge_lora = linear_merge_lora;
}

HE_ISA_END
