// The part of NVIDIA's driver interface (cuda.h) that the engine calls, spelled out: names, values and layouts are libcuda's.
#pragma once
#include <cstddef>
#include <cstdint>

namespace he::driver {

enum Result : int {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kInvalidDevice = 101,
  kInvalidContext = 201,
  kInvalidHandle = 400,
  kNotFound = 500,
  kNotReady = 600,
  kLaunchFailed = 719,
  kCaptureUnsupported = 900,
};

using DevicePointer = uint64_t;

/// CU_LAUNCH_PARAM_*: how `extra` of a launch gives the arguments as one block with its size.
constexpr uintptr_t kParamEnd = 0, kParamPointer = 1, kParamSize = 2;

/// CU_FUNC_ATTRIBUTE_*.
enum FunctionAttribute : int { kMaxThreadsPerBlock = 0, kSharedSizeBytes = 1, kNumRegisters = 4, kMaxDynamicSharedSizeBytes = 8 };

/// CU_DEVICE_ATTRIBUTE_*.
enum DeviceAttribute : int {
  kWarpSize = 10,
  kMultiprocessorCount = 16,
  kComputeCapabilityMajor = 75,
  kComputeCapabilityMinor = 76,
  kMaxSharedMemoryPerBlockOptin = 97,
};

/// CUmemorytype.
enum MemoryType : int { kHostMemory = 1, kDeviceMemory = 2 };

/// CUDA_MEMCPY2D_v2.
struct Copy2D {
  size_t src_x, src_y;
  int src_type;
  const void* src_host;
  DevicePointer src_device;
  void* src_array;
  size_t src_pitch;
  size_t dst_x, dst_y;
  int dst_type;
  void* dst_host;
  DevicePointer dst_device;
  void* dst_array;
  size_t dst_pitch;
  size_t width, height;
};
static_assert(sizeof(Copy2D) == 128);

/// Dynamic shared memory that a kernel gets without asking by name (CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), and with.
constexpr size_t kSharedByDefault = 48 << 10, kSharedByRequest = 227 << 10;

}  // namespace he::driver
