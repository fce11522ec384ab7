#include "cpu/compact/compact_isa.h"

HE_ISA_BEGIN

void fill(CompactKernels&);
void fill(CompactKernels& k) {
  k.pack = compact_pack;
  k.unpack = compact_unpack;
  k.forward = compact_forward;
  k.embed = compact_embed;
}

HE_ISA_END
