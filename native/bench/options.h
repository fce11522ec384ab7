// Options of the benchmark programs; a wrong one ends the program with one line and status 2.
#pragma once
#include <string>

#include "bench/timing.h"

namespace he::bench {

struct Options {
  std::string isa, only, json;  // json: a file, "-" for standard output
  int threads = 0, rounds = 15;
  Clock clock = Clock::wall;
  bool list = false;
};

Options parse_options(int argc, char** argv, const char* usage);

}  // namespace he::bench
