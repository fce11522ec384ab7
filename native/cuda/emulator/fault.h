#pragma once
#include <stdexcept>
#include <string>

namespace he::emulator {

/// What a kernel did wrong, with the kernel's name, its block and thread. A GPU would have gone on.
class Fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Ends the running launch: from a thread of a kernel the launch throws `Fault`, from the host this call does.
[[noreturn]] void fault(const std::string& what);

}  // namespace he::emulator
