// Every exported body runs inside guard(): no C++ exception crosses the C ABI.
#pragma once
#include <new>
#include <stdexcept>
#include <string>

#include "hybridengine/he.h"

namespace he {

struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void set_last_error(const char* message) noexcept;

template <class F>
he_status guard(F&& body) noexcept {
  try {
    body();
    return HE_OK;
  } catch (const std::bad_alloc&) {
    set_last_error("out of memory");
    return HE_OUT_OF_MEMORY;
  } catch (const std::invalid_argument& e) {
    set_last_error(e.what());
    return HE_INVALID_ARGUMENT;
  } catch (const Unsupported& e) {
    set_last_error(e.what());
    return HE_UNSUPPORTED;
  } catch (const std::exception& e) {
    set_last_error(e.what());
    return HE_INTERNAL;
  } catch (...) {
    set_last_error("unknown error");
    return HE_INTERNAL;
  }
}

inline void require(bool ok, const char* message) {
  if (!ok) throw std::invalid_argument(message);
}

}  // namespace he
