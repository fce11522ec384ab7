// Reads PTX: which kernels a file has, and what can be said of them without running them.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace he::cuda_report {

struct Kernel {
  std::string name, architecture;
  int threads = 0;                        ///< most a block may have
  int live_registers = 0;                 ///< 32-bit values alive at once, at most: an estimate from below of what ptxas will give it
  int local_bytes = 0;                    ///< memory of a thread that did not become registers before ptxas
  std::map<std::string, int> operations;  ///< how often an instruction occurs, by its first words ("mma.sync", "ld.global.v4"); not how often it runs
  int count(const std::string& prefix) const;
};

/// Every kernel of one file's text.
std::vector<Kernel> read_ptx(const std::string& text);

}  // namespace he::cuda_report
