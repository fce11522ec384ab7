// The limits of this machine, measured in the same run as the kernels, and the time that a kernel's work takes at least under them.
#pragma once
#include <string>
#include <vector>

#include "bench/samples.h"
#include "bench/suite.h"
#include "core/peak.h"
#include "core/resources.h"

namespace he::bench {

struct Roof {
  std::string name;
  double scale;      // of one unit: 1e12 operations, 1e9 bytes
  const char* unit;  // a second
  Samples rates{};
};

class Roofs {
 public:
  // engine: what multiplies narrow types (he_context_matrix).
  Roofs(const std::string& isa, const std::string& engine, int threads);

  // One round: a sample of each.
  void measure();

  const std::vector<Roof>& all() const { return roofs_; }

  struct Floor {
    double seconds;
    const Roof* limit;
  };
  // q: quantile of the measured rates, 1 the best, 0.5 the median. Operands that fit half of a cache (which others use too) are taken to stand there.
  Floor floor(const Work& work, double q) const;

 private:
  size_t add_instruction(const Instruction& instruction);

  int threads_;
  CacheSizes cache_;
  std::vector<Instruction> instructions_;
  std::vector<Roof> roofs_;  // instructions_, then kMemory
  size_t of_unit_[3];        // by Unit
};

}  // namespace he::bench
