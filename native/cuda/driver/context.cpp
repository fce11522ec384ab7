// Start, device, context and errors of the recording driver.
#include <cstring>

#include "cuda/driver/entry.h"

using namespace he::driver;

namespace {

int context;  // the one primary context; its address is the handle

const char* name_of(int error) {
  switch (error) {
    case kSuccess: return "CUDA_SUCCESS";
    case kInvalidValue: return "CUDA_ERROR_INVALID_VALUE";
    case kOutOfMemory: return "CUDA_ERROR_OUT_OF_MEMORY";
    case kNotInitialized: return "CUDA_ERROR_NOT_INITIALIZED";
    case kInvalidDevice: return "CUDA_ERROR_INVALID_DEVICE";
    case kInvalidContext: return "CUDA_ERROR_INVALID_CONTEXT";
    case kInvalidHandle: return "CUDA_ERROR_INVALID_HANDLE";
    case kNotFound: return "CUDA_ERROR_NOT_FOUND";
    case kNotReady: return "CUDA_ERROR_NOT_READY";
    case kLaunchFailed: return "CUDA_ERROR_LAUNCH_FAILED";
    case kCaptureUnsupported: return "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED";
    default: return nullptr;
  }
}

}  // namespace

/// Only this driver has it: how a caller knows that kernels are emulated, and need no PTX.
HE_API(heDriverIsEmulated) { return 1; }

/// Launches and waits since the process began: what a test may hold a decode step to.
HE_API(heDriverCounters, uint64_t* launches, uint64_t* waits) {
  HE_ENTER();
  *launches = d.launches;
  *waits = d.waits;
  return kSuccess;
}

HE_API(cuInit, unsigned flags) {
  Device& d = Device::instance();
  const std::lock_guard<std::recursive_mutex> guard(d.lock);
  if (flags) return d.refuse(kInvalidValue, "cuInit with flags");
  d.initialised = true;
  return kSuccess;
}

HE_API(cuDriverGetVersion, int* version) {
  *version = 12080;
  return kSuccess;
}

HE_API(cuGetErrorName, int error, const char** text) {
  *text = name_of(error);
  return *text ? kSuccess : kInvalidValue;
}

/// In place of a general text: what was wrong with the last launch or call.
HE_API(cuGetErrorString, int error, const char** text) {
  Device& d = Device::instance();
  const std::lock_guard<std::recursive_mutex> guard(d.lock);
  thread_local std::string kept;
  kept = error && name_of(error) ? d.fault : "";
  *text = kept.c_str();
  return kSuccess;
}

HE_API(cuDeviceGetCount, int* count) {
  HE_ENTER();
  *count = 1;
  return kSuccess;
}

HE_API(cuDeviceGet, int* device, int ordinal) {
  HE_ENTER();
  if (ordinal != 0) return d.refuse(kInvalidDevice, "there is one device, number 0");
  *device = 0;
  return kSuccess;
}

HE_API(cuDeviceGetName, char* name, int length, int device) {
  HE_ENTER();
  if (device != 0 || length < 1) return d.refuse(kInvalidDevice, "there is one device, number 0");
  std::strncpy(name, "emulated GPU", static_cast<size_t>(length) - 1);
  name[length - 1] = 0;
  return kSuccess;
}

HE_API(cuDeviceTotalMem_v2, size_t* bytes, int) {
  HE_ENTER();
  *bytes = Device::kTotalBytes;
  return kSuccess;
}

HE_API(cuDeviceGetAttribute, int* value, int attribute, int) {
  HE_ENTER();
  switch (attribute) {
    case kWarpSize: *value = 32; return kSuccess;
    case kMultiprocessorCount: *value = 4; return kSuccess;
    case kComputeCapabilityMajor: *value = 9; return kSuccess;
    case kComputeCapabilityMinor: *value = 0; return kSuccess;
    case kMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(kSharedByRequest); return kSuccess;
    default: return d.refuse(kInvalidValue, "an attribute that the emulated device does not know");
  }
}

HE_API(cuDevicePrimaryCtxRetain, void** out, int device) {
  HE_ENTER();
  if (device != 0) return d.refuse(kInvalidDevice, "there is one device, number 0");
  *out = &context;
  return kSuccess;
}

HE_API(cuDevicePrimaryCtxRelease_v2, int) {
  HE_ENTER();
  return kSuccess;
}

HE_API(cuCtxSetCurrent, void* c) {
  HE_ENTER();
  if (c && c != &context) return d.refuse(kInvalidContext, "no such context");
  context_is_current() = c != nullptr;
  return kSuccess;
}

HE_API(cuCtxSynchronize) {
  HE_ENTER_CONTEXT();
  ++d.waits;
  for (const Stream* s : d.streams)
    if (s->capturing) return d.refuse(kCaptureUnsupported, "waits for the device while a stream is capturing");
  return d.drain_all();
}
