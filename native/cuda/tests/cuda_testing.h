// Helpers of the kernel tests: bf16 vectors, every order of threads.
#pragma once
#include "cuda/dialect/dialect.h"
#include "cuda/emulator/device_memory.h"
#include "cuda/emulator/fault.h"
#include "cuda/emulator/launch.h"
#include "tests/testing.h"

namespace he::testing {

using cuda::bf16;
using cuda::Global;
using emulator::DeviceArray;
using emulator::Options;
using emulator::Order;

inline float value(float x) { return x; }
inline float value(bf16 x) { return cuda::widen(x); }

/// x as T, rounded.
template <class T>
std::vector<T> as(const std::vector<float>& x) {
  std::vector<T> r(x.size());
  for (size_t i = 0; i < x.size(); ++i)
    if constexpr (sizeof(T) == 2) r[i] = {emulator::round_bf16(x[i])};
    else r[i] = x[i];
  return r;
}

template <class T>
std::vector<float> floats(const std::vector<T>& x) {
  std::vector<float> r(x.size());
  for (size_t i = 0; i < x.size(); ++i) r[i] = value(x[i]);
  return r;
}

template <class T>
Global<const T> in(const DeviceArray<T>& x) { return {x.data()}; }
template <class T>
Global<T> out(const DeviceArray<T>& x) { return {x.data()}; }

/// Orders in which a kernel must give the same bits.
inline std::vector<Options> orders(uint64_t seed) { return {{Order::kAscending}, {Order::kDescending}, {Order::kRandom, seed}}; }

/// Runs f, which has to end in a fault whose text contains one of `parts`, which | separates.
template <class F>
::testing::AssertionResult faults(const std::string& parts, F f) {
  try {
    f();
  } catch (const emulator::Fault& e) {
    std::stringstream list(parts);
    for (std::string part; std::getline(list, part, '|');)
      if (std::string(e.what()).find(part) != std::string::npos) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "found the fault \"" << e.what() << "\", expected one with \"" << parts << "\"";
  }
  return ::testing::AssertionFailure() << "no fault, expected one with \"" << parts << "\"";
}

/// The relative spacing of T's numbers, for tolerances.
template <class T>
constexpr double spacing() { return sizeof(T) == 2 ? 0x1p-8 : 0x1p-23; }

}  // namespace he::testing
