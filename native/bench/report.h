// A run's figures for people and for programs.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

#include "bench/timing.h"

namespace he::bench {

struct Run {
  std::string program, isa, engine;  // engine: what multiplies narrow types
  int threads, rounds;
  Clock clock;
};

// The table to standard output; all samples as JSON into a file too, or, for "-", to standard output in its place. Throws
// std::runtime_error.
void report(const Run& run, const Roofs& roofs, const std::vector<Timed>& timed, const std::string& json);

void write_table(std::FILE* out, const Run& run, const Roofs& roofs, const std::vector<Timed>& timed);

// One object: the machine, the roofs with all samples, the kernels with their work, all samples and shares. benchmarks/tables.py reads it.
void write_json(std::FILE* out, const Run& run, const Roofs& roofs, const std::vector<Timed>& timed);

}  // namespace he::bench
