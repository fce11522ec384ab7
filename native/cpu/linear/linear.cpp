#include "cpu/linear/linear.h"

#include "cpu/simd/v16.h"

HE_ISA_BEGIN

void fill(LinearKernels&);
void fill(LinearKernels&) {}

HE_ISA_END
