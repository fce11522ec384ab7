// Sums and searches over a row by one block. Weights are 64-bit integers, so that no order of adding them gives another sum and nothing has to be sorted or scanned in order.
#pragma once
#include "cuda/sampling/sampling.h"

namespace he::cuda {

using Whole = unsigned long long;

/// A weight of at most 1 in units of 2^-44; what is positive counts at least one, what is not a number nothing.
HE_GPU Whole fixed(float weight) {
  if (!(weight > 0)) return 0;
  const Whole units = static_cast<Whole>((weight > 1 ? 1.0f : weight) * 17592186044416.0f);
  return units > 0 ? units : 1;
}
HE_GPU double to_double(Whole units) { return static_cast<double>(units) * (1.0 / 17592186044416.0); }

/// Floats as integers in the same order (-0 as 0; NaN above infinity), and back.
HE_GPU unsigned ordered(float x) {
  const unsigned bits = float_to_bits(x + 0.0f);
  return bits ^ (bits >> 31 != 0 ? 0xffffffffu : 0x80000000u);
}
HE_GPU float unordered(unsigned key) { return bits_to_float(key ^ (key >> 31 != 0 ? 0x80000000u : 0xffffffffu)); }

/// The block's shared memory. Bins: sixteen columns a thread, each thread writes its own.
struct SearchRoom {
  static constexpr int kBins = 16, kWarps = kSamplingThreads / kWarp;

  HE_GPU static Shared<Whole> bins() { return shared_array<Whole>(0, kBins * kSamplingThreads); }
  HE_GPU static Shared<Whole> totals() { return shared_array<Whole>(kBins * kSamplingThreads * 8, kBins); }
  template <class T>
  HE_GPU static Shared<T> of_warps() { return shared_array<T>(kBins * kSamplingThreads * 8 + kBins * 8, kWarps); }
};

/// v of all threads, combined: lanes in pairs (16, 8, 4, 2, 1), warps ascending. The same in every thread.
template <class T, class F>
HE_GPU T block_combine(T v, F combine) {
  const Shared<T> scratch = SearchRoom::of_warps<T>();
  for (unsigned distance = 16; distance; distance /= 2) v = combine(v, shuffle_xor(v, distance));
  if (lane() == 0) scratch.set(static_cast<int>(warp()), v);
  sync_block();
  T all = scratch.get(0);
  for (int w = 1; w < SearchRoom::kWarps; ++w) all = combine(all, scratch.get(w));
  sync_block();
  return all;
}
template <class T>
HE_GPU T block_add(T v) {
  return block_combine(v, [](T x, T y) { return x + y; });
}
template <class T>
HE_GPU T block_greatest(T v) {
  return block_combine(v, [](T x, T y) { return x > y ? x : y; });
}

/// Calls f(v) for this thread's tokens: v, v + 256, ...
template <class F>
HE_GPU void for_tokens(int from, int end, F f) {
  for (int v = from + static_cast<int>(thread()); v < end; v += kSamplingThreads) f(v);
}

/// Adds up what threads put into their columns: totals()[b] is the sum of bin b. A barrier on either side.
HE_GPU void add_bins() {
  sync_block();
  for (int b = static_cast<int>(warp()); b < SearchRoom::kBins; b += SearchRoom::kWarps) {
    Whole sum = 0;
    for (int i = static_cast<int>(lane()); i < kSamplingThreads; i += kWarp) sum += SearchRoom::bins().get(b * kSamplingThreads + i);
    for (unsigned distance = 16; distance; distance /= 2) sum += shuffle_xor(sum, distance);
    if (lane() == 0) SearchRoom::totals().set(b, sum);
  }
  sync_block();
}
HE_GPU void clear_bins() {
  for (int b = 0; b < SearchRoom::kBins; ++b) SearchRoom::bins().set(b * kSamplingThreads + static_cast<int>(thread()), 0);
}
HE_GPU void add_to_bin(unsigned bin, Whole weight) {
  const int at = static_cast<int>(bin) * kSamplingThreads + static_cast<int>(thread());
  SearchRoom::bins().set(at, SearchRoom::bins().get(at) + weight);
}

struct Threshold {
  unsigned key;
  Whole before, at;  // weight of all greater keys, and of this one
};

/// The greatest key at which the weight of all keys not below it reaches `goal`; the least key with a weight when they never do. Eight passes of four bits.
template <class Key, class Weight>
HE_GPU Threshold find_threshold(int n, Whole goal, Key key, Weight weight) {
  Threshold found = {0, 0, 0};
  for (int shift = 28; shift >= 0; shift -= 4) {
    clear_bins();
    for_tokens(0, n, [&](int v) {
      const unsigned k = key(v);
      if ((k >> shift >> 4) == found.key) add_to_bin(k >> shift & 15, weight(v));  // two shifts: one of 32 would not be defined
    });
    add_bins();
    unsigned chosen = 0;
    Whole reached = found.before;
    for (int b = 15; b >= 0; --b) {
      const Whole sum = SearchRoom::totals().get(b);
      if (sum == 0) continue;
      chosen = static_cast<unsigned>(b), found.before = reached, found.at = sum;
      reached += sum;
      if (reached >= goal) break;
    }
    found.key = found.key << 4 | chosen;
  }
  return found;
}

/// The first token, by id, at which the running weight exceeds `goal`, which is less than the sum of all. About one pass: each of five looks at a sixteenth of the one before.
template <class Weight>
HE_GPU int find_token(int n, Whole goal, Weight weight) {
  int first = 0;
  Whole before = 0;
  for (int shift = 16; shift >= 0; shift -= 4) {
    clear_bins();
    const int end = n - first < 16 << shift ? n : first + (16 << shift);
    for_tokens(first, end, [&](int v) { add_to_bin(static_cast<unsigned>(v - first) >> shift, weight(v)); });
    add_bins();
    int chosen = 0;
    for (; chosen < 15; ++chosen) {
      const Whole sum = SearchRoom::totals().get(chosen);
      if (before + sum > goal) break;
      before += sum;
    }
    first += chosen << shift;
  }
  return first;
}

}  // namespace he::cuda
