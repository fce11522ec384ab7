// Library functions whose bits must be the same for every instruction set: called from one translation unit compiled with one set of flags.
#pragma once

namespace he {

float log_scalar(float x);    // natural logarithm
double log_scalar(double x);

}  // namespace he
