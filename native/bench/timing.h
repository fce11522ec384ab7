// Rounds of roofs and kernels, and what came of them.
#pragma once
#include <string>
#include <vector>

#include "bench/roof/roofs.h"
#include "bench/samples.h"
#include "bench/suite.h"

namespace he::bench {

enum class Clock {
  wall,
  cpu,  // time that the calling thread really ran: with one thread, on a machine that others use too
};

struct Timed {
  const Kernel* kernel;
  Samples seconds{};
};

// Each round measures the roofs, then every kernel, so that all share the machine's moods; a round before the first is not counted. A
// sample is the mean of as many calls as take a third of a millisecond, after one that brings the operands where they stand between calls.
// Throws std::runtime_error when a kernel fails.
std::vector<Timed> run_rounds(const Suite& suite, Roofs& roofs, int rounds, Clock clock);

}  // namespace he::bench
