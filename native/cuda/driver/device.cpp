#include "cuda/driver/device.h"

#include <cstdlib>

#include "cuda/emulator/fault.h"

namespace he::driver {

std::map<std::string, Kernel>& kernels() {
  static std::map<std::string, Kernel> all;
  return all;
}

Device& Device::instance() {
  static Device& device = *new Device;  // never destroyed: threads of the host may outlive static objects
  return device;
}

bool& context_is_current() {
  thread_local bool current = false;
  return current;
}

Result Device::refuse(Result result, std::string why) {
  fault = std::move(why);
  return result;
}

Result Device::enqueue(Stream* stream, Work work) {
  constexpr size_t kLongest = 1024;  // a real driver makes the host wait, too, when this much is queued
  if (!streams.count(stream)) return refuse(kInvalidHandle, "no such stream");
  if (stream->capturing) {
    stream->capturing->work.push_back(std::move(work));
    return kSuccess;
  }
  stream->queue.push_back(std::move(work));
  return stream->queue.size() - stream->head > kLongest ? drain(stream, stream->done + kLongest / 2) : kSuccess;
}

Result Device::drain(Stream* stream, uint64_t ticket) {
  Result result = kSuccess;
  while (stream->head < stream->queue.size() && stream->done < ticket) {
    const Work work = std::move(stream->queue[stream->head]);
    ++stream->head, ++stream->done;
    try {
      work();
    } catch (const emulator::Fault& e) {
      result = refuse(kLaunchFailed, e.what());
      stream->done += stream->queue.size() - stream->head;
      stream->head = stream->queue.size();
    }
  }
  if (stream->head == stream->queue.size()) stream->queue.clear(), stream->head = 0;
  return result;
}

Result Device::drain_all() {
  Result result = kSuccess;
  for (Stream* s : streams)
    if (const Result r = drain(s)) result = r;
  return result;
}

bool Device::is_pinned(const void* p, size_t bytes) const {
  const auto after = pinned.upper_bound(reinterpret_cast<uintptr_t>(p));
  if (after == pinned.begin()) return false;
  const auto& [start, block] = *std::prev(after);
  const size_t offset = reinterpret_cast<uintptr_t>(p) - start;
  return offset <= block.second && bytes <= block.second - offset;
}

}  // namespace he::driver
