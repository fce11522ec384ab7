// What an instruction set provides: one table of function pointers per family, filled by that family's fill_<family>().
#pragma once
#include "cpu/linear/linear.h"
#include "cpu/simd/elementary.h"

namespace he {

struct KernelTable {
  cpu::LinearKernels linear;
  cpu::ElementaryKernels elementary;
};

}  // namespace he
