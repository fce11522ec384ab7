#include "core/scalar_math.h"

#include <cmath>

namespace he {

float log_scalar(float x) { return std::log(x); }

double log_scalar(double x) { return std::log(x); }

}  // namespace he
