// Memory and copies of the recording driver.
#include <cstring>

#include "cuda/driver/entry.h"
#include "cuda/emulator/fault.h"

using namespace he::driver;

namespace {

std::byte* at(DevicePointer p) { return reinterpret_cast<std::byte*>(p); }

// Rows of bytes that begin every `pitch`; copies keep what is known of every byte, initialised or not.
void copy_rows(std::byte* to, size_t to_pitch, bool to_device, const std::byte* from, size_t from_pitch, bool from_device, size_t width, size_t height) {
  for (size_t r = 0; r < height; ++r, to += to_pitch, from += from_pitch) {
    he::emulator::Allocation* source = from_device ? &he::emulator::allocation_of(from, width) : nullptr;
    he::emulator::Allocation* target = to_device ? &he::emulator::allocation_of(to, width) : nullptr;
    if (source && !target && !source->shadow().initialised(static_cast<size_t>(from - source->data()), width)) he::emulator::fault("a copy to the host reads memory that nothing has written");
    std::memmove(to, from, width);
    if (source && target) target->shadow().copy(static_cast<size_t>(to - target->data()), source->shadow(), static_cast<size_t>(from - source->data()), width);
    else if (target) target->shadow().initialise(static_cast<size_t>(to - target->data()), width);
  }
}

void set_rows(std::byte* to, size_t pitch, unsigned char value, size_t width, size_t height) {
  for (size_t r = 0; r < height; ++r, to += pitch) {
    he::emulator::Allocation& a = he::emulator::allocation_of(to, width);
    std::memset(to, value, width);
    a.shadow().initialise(static_cast<size_t>(to - a.data()), width);
  }
}

Result require_pinned(const void* p, size_t bytes) {
  return device().is_pinned(p, bytes) ? kSuccess : device().refuse(kInvalidValue, "an asynchronous copy from or to host memory that is not page-locked: a real driver would wait in it");
}

}  // namespace

HE_API(cuMemGetInfo_v2, size_t* free, size_t* total) {
  HE_ENTER_CONTEXT();
  *total = Device::kTotalBytes;
  *free = Device::kTotalBytes - d.allocated;
  return kSuccess;
}

HE_API(cuMemAlloc_v2, DevicePointer* p, size_t bytes) {
  HE_ENTER_CONTEXT();
  if (bytes == 0) return d.refuse(kInvalidValue, "an allocation of no bytes");
  if (bytes > Device::kTotalBytes - d.allocated) return d.refuse(kOutOfMemory, "out of device memory");
  auto allocation = std::make_unique<he::emulator::Allocation>(bytes);
  *p = reinterpret_cast<DevicePointer>(allocation->data());
  d.allocated += bytes;
  d.memory[*p] = std::move(allocation);
  return kSuccess;
}

HE_API(cuMemFree_v2, DevicePointer p) {
  HE_ENTER_CONTEXT();
  const auto found = d.memory.find(p);
  if (found == d.memory.end()) return d.refuse(kInvalidValue, "frees what is no allocation");
  const Result result = d.drain_all();  // as a real driver does
  d.allocated -= found->second->bytes();
  d.memory.erase(found);
  return result;
}

HE_API(cuMemHostAlloc, void** p, size_t bytes, unsigned) {
  HE_ENTER_CONTEXT();
  if (bytes == 0) return d.refuse(kInvalidValue, "an allocation of no bytes");
  auto memory = std::make_unique<std::byte[]>(bytes);
  *p = memory.get();
  d.pinned[reinterpret_cast<uintptr_t>(*p)] = {std::move(memory), bytes};
  return kSuccess;
}

HE_API(cuMemFreeHost, void* p) {
  HE_ENTER_CONTEXT();
  const Result result = d.drain_all();
  return d.pinned.erase(reinterpret_cast<uintptr_t>(p)) ? result : d.refuse(kInvalidValue, "frees what is no page-locked memory");
}

HE_API(cuMemcpyHtoDAsync_v2, DevicePointer to, const void* from, size_t bytes, Stream* stream) {
  HE_ENTER_CONTEXT();
  if (const Result r = require_pinned(from, bytes)) return r;
  return d.enqueue(stream, [=] { copy_rows(at(to), 0, true, static_cast<const std::byte*>(from), 0, false, bytes, 1); });
}

HE_API(cuMemcpyDtoHAsync_v2, void* to, DevicePointer from, size_t bytes, Stream* stream) {
  HE_ENTER_CONTEXT();
  if (const Result r = require_pinned(to, bytes)) return r;
  return d.enqueue(stream, [=] { copy_rows(static_cast<std::byte*>(to), 0, false, at(from), 0, true, bytes, 1); });
}

HE_API(cuMemcpyDtoDAsync_v2, DevicePointer to, DevicePointer from, size_t bytes, Stream* stream) {
  HE_ENTER_CONTEXT();
  return d.enqueue(stream, [=] { copy_rows(at(to), 0, true, at(from), 0, true, bytes, 1); });
}

HE_API(cuMemcpy2DAsync_v2, const Copy2D* copy, Stream* stream) {
  HE_ENTER_CONTEXT();
  const Copy2D c = *copy;
  if (c.src_type != kDeviceMemory || c.dst_type != kDeviceMemory) return d.refuse(kInvalidValue, "a two-dimensional copy between other memory than the device's");
  if (c.width > c.src_pitch || c.width > c.dst_pitch) return d.refuse(kInvalidValue, "rows of a two-dimensional copy that are wider than their pitch");
  return d.enqueue(stream, [=] {
    copy_rows(at(c.dst_device) + c.dst_y * c.dst_pitch + c.dst_x, c.dst_pitch, true, at(c.src_device) + c.src_y * c.src_pitch + c.src_x, c.src_pitch, true, c.width, c.height);
  });
}

HE_API(cuMemsetD8Async, DevicePointer to, unsigned char value, size_t bytes, Stream* stream) {
  HE_ENTER_CONTEXT();
  return d.enqueue(stream, [=] { set_rows(at(to), 0, value, bytes, 1); });
}

HE_API(cuMemsetD2D8Async, DevicePointer to, size_t pitch, unsigned char value, size_t width, size_t height, Stream* stream) {
  HE_ENTER_CONTEXT();
  if (width > pitch) return d.refuse(kInvalidValue, "rows that are wider than their pitch");
  return d.enqueue(stream, [=] { set_rows(at(to), pitch, value, width, height); });
}
