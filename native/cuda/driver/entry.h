// What every exported function of the driver begins with.
#pragma once
#include "cuda/driver/device.h"

#define HE_API(NAME, ...) extern "C" __attribute__((visibility("default"))) int NAME(__VA_ARGS__)

/// Takes the device's lock, as `d`; refuses what comes before cuInit.
#define HE_ENTER()                                     \
  Device& d = Device::instance();                      \
  const std::lock_guard<std::recursive_mutex> guard(d.lock); \
  if (!d.initialised) return d.refuse(kNotInitialized, "cuInit was not called")

/// As HE_ENTER, and refuses a thread that has no current context.
#define HE_ENTER_CONTEXT() \
  HE_ENTER();              \
  if (!context_is_current()) return d.refuse(kInvalidContext, "no context is current on this thread")

namespace he::driver {
inline Device& device() { return Device::instance(); }
}  // namespace he::driver
