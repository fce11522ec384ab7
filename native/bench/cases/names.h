#pragma once
#include <cstdint>
#include <string>

namespace he::bench {

// "linear 512x576x1536"
inline std::string sized(const std::string& what, int64_t a, int64_t b, int64_t c) {
  return what + " " + std::to_string(a) + "x" + std::to_string(b) + "x" + std::to_string(c);
}

inline std::string sized(const std::string& what, int64_t a, int64_t b) { return what + " " + std::to_string(a) + "x" + std::to_string(b); }

}  // namespace he::bench
