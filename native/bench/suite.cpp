#include "bench/suite.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <sstream>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace he::bench {

namespace {

// xorshift64*: fast enough to fill hundreds of megabytes before every run.
uint64_t next_random() {
  static uint64_t state = 0x9E3779B97F4A7C15u;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545F4914F6CDD1Du;
}

}  // namespace

void* allocate_aligned(size_t bytes) {
  constexpr size_t kLine = 64, kLargePage = 2 << 20;
  const size_t alignment = bytes >= kLargePage ? kLargePage : kLine, rounded = (bytes + alignment - 1) / alignment * alignment;
  void* p = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (p == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (bytes >= kLargePage) madvise(p, rounded, MADV_HUGEPAGE);  // a wish: without it pages are small, that is all
#endif
  return p;
}

void free_aligned(void* p) { std::free(p); }

Floats random_floats(int64_t n) {
  Floats x(static_cast<size_t>(n));
  for (float& v : x) v = static_cast<float>(static_cast<int32_t>(next_random() >> 32)) * 0x1p-31f;
  return x;
}

Suite::Suite(he_context* context, const std::string& only) : context_(context) {
  std::istringstream list(only);
  for (std::string text; std::getline(list, text, ',');)
    if (!text.empty()) only_.push_back(text);
}

bool Suite::wants(const std::string& name) const {
  return only_.empty() ||
         std::any_of(only_.begin(), only_.end(), [&](const std::string& text) { return name.find(text) != std::string::npos; });
}

}  // namespace he::bench
