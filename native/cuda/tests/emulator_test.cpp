// The emulator finds what it promises to find: every kernel here has one fault, and the same kernel without it runs.
#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;
using namespace he::cuda;

struct Arguments {
  Global<const float> x;
  Global<float> y;
  int variant;
};

// y[t] = x[t + variant]
void shift(Arguments a) { a.y.set(thread(), a.x.get(static_cast<int>(thread()) + a.variant)); }

// y[t] = x[threads - 1 - t], through shared memory; with variant 1 without the barrier.
void reverse(Arguments a) {
  const Shared<float> s = shared_array<float>(0, static_cast<int>(threads()));
  s.set(static_cast<int>(thread()), a.x.get(thread()));
  if (a.variant == 0) sync_block();
  a.y.set(thread(), s.get(static_cast<int>(threads() - 1 - thread())));
}

// Two rounds through the same shared memory; with variant 1 without the barrier between them, which lets a thread write what another has not read.
void two_rounds(Arguments a) {
  const Shared<float> s = shared_array<float>(0, static_cast<int>(threads()));
  const int t = static_cast<int>(thread()), other = t ^ 32;
  float v = a.x.get(t);
  for (int round = 0; round < 2; ++round) {
    s.set(t, v);
    sync_block();
    v = s.get(other) + 1;
    if (a.variant == 0) sync_block();
  }
  a.y.set(t, v);
}

// The neighbour's value within a warp: a warp's barrier is enough, none (variant 1) is not.
void neighbour(Arguments a) {
  const Shared<float> s = shared_array<float>(0, static_cast<int>(threads()));
  const int t = static_cast<int>(thread());
  s.set(t, a.x.get(t));
  if (a.variant == 0) sync_warp();
  a.y.set(t, s.get(t ^ 1));
}

// A copy beside the threads; variant 1 reads before it waits, 2 never waits, 3 copies to an odd place.
void copied(Arguments a) {
  const Shared<float> s = shared_array<float>(0, 4 * static_cast<int>(threads()) + 4);
  const int t = static_cast<int>(thread()) * 4;
  copy_async16((s + t + (a.variant == 3)).at, a.x.at, t == 0);
  copy_commit();
  if (a.variant == 0) copy_wait<0>();
  const float v = a.variant == 2 ? 0.0f : s.get(t);
  if (a.variant == 1) copy_wait<0>();
  a.y.set(thread(), v);
}

// Shared memory that nobody wrote, beyond its end, misaligned.
void odd_reads(Arguments a) {
  const Shared<float> s = shared_array<float>(0, 2 * static_cast<int>(threads()));
  const int t = static_cast<int>(thread());
  s.set(t, 1.0f);
  float v = s.get(t);
  if (a.variant == 1) v = s.get(t + static_cast<int>(threads()));
  if (a.variant == 2) v = s.get(2 * static_cast<int>(threads()) + t);
  if (a.variant == 3) v = bits_to_float(s.get_as<Words>(t + 1).w[0]);
  a.y.set(t, v);
}

// Half of the threads (1), or of a warp's lanes (2), never come; two different barriers (3).
void absent(Arguments a) {
  const unsigned t = thread();
  float v = 1.0f;
  if (a.variant == 1 && t >= 32) return;
  if (a.variant == 2 && t % 2) v = 2.0f;
  else v = shuffle_xor(v, 1);
  if (a.variant == 3 && t >= 32)
    sync_block();
  else
    sync_block();
  a.y.set(t, v);
}

// Every block writes the same place (1), or its own.
void blocks(Arguments a) { a.y.set(a.variant ? thread() : block_x() * threads() + thread(), 1.0f); }

// All of y, or its first half (1).
void half(Arguments a) {
  if (a.variant == 0 || thread() < 32) a.y.set(thread(), 1.0f);
}

std::vector<float> run(void (*kernel)(Arguments), int variant, const Options& options = {}, unsigned grid = 1) {
  std::vector<float> x(64);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  const DeviceArray<float> in(x), out(64 * grid);
  emulator::launch<Arguments>("kernel", kernel, {grid}, 64, 64 * 4 * 4 + 16, {{in.data()}, {out.data()}, variant}, options);
  return out.values();
}

TEST(CudaEmulator, GlobalMemoryOutOfBounds_IsAFault) {
  EXPECT_EQ(run(shift, 0)[63], 63.0f);
  EXPECT_TRUE(faults("outside of every allocation", [] { run(shift, 1); }));
  EXPECT_TRUE(faults("outside of every allocation", [] { run(shift, -1); }));
}

TEST(CudaEmulator, MissingBlockBarrier_IsAFaultInAnyOrder) {
  EXPECT_EQ(run(reverse, 0)[0], 63.0f);
  EXPECT_EQ(run(two_rounds, 0)[0], 2.0f);
  for (const Options& options : orders(7)) {
    EXPECT_TRUE(faults("nothing has written|barrier between them", [&] { run(reverse, 1, options); }));
    EXPECT_TRUE(faults("barrier between them", [&] { run(two_rounds, 1, options); }));
  }
}

TEST(CudaEmulator, MissingWarpBarrier_IsAFault) {
  EXPECT_EQ(run(neighbour, 0)[0], 1.0f);
  for (const Options& options : orders(8)) EXPECT_TRUE(faults("nothing has written|barrier between them", [&] { run(neighbour, 1, options); }));
}

TEST(CudaEmulator, AsynchronousCopy_HasToBeWaitedFor) {
  EXPECT_EQ(run(copied, 0)[63], 0.0f);
  EXPECT_TRUE(faults("may not have brought yet", [] { run(copied, 1); }));
  EXPECT_TRUE(faults("nobody has waited for", [] { run(copied, 2); }));
  EXPECT_TRUE(faults("no multiple of 16", [] { run(copied, 3); }));
}

TEST(CudaEmulator, SharedMemory_IsCheckedForValuesBoundsAndAlignment) {
  EXPECT_EQ(run(odd_reads, 0)[5], 1.0f);
  EXPECT_TRUE(faults("nothing has written", [] { run(odd_reads, 1); }));
  EXPECT_TRUE(faults("shared memory out of bounds", [] { run([](Arguments a) { a.y.set(thread(), shared_array<float>(0, 2 * 64).get(5000)); }, 0); }));
  EXPECT_TRUE(faults("no multiple of 16", [] { run(odd_reads, 3); }));
  EXPECT_TRUE(faults("expected at most", [] { emulator::launch<Arguments>("kernel", shift, {1}, 64, 300 << 10, {}); }));
}

TEST(CudaEmulator, ThreadsThatNeverCome_AreAFault) {
  EXPECT_EQ(run(absent, 0)[5], 1.0f);
  EXPECT_TRUE(faults("for threads that never come", [] { run(absent, 1); }));
  EXPECT_TRUE(faults("for threads that never come", [] { run(absent, 2); }));
  EXPECT_TRUE(faults("while others wait at", [] { run(absent, 3); }));
}

TEST(CudaEmulator, BlocksThatShareMemory_AreAFault) {
  EXPECT_EQ(run(blocks, 0, {}, 3).size(), 192u);
  EXPECT_TRUE(faults("another block of the same launch", [] { run(blocks, 1, {}, 3); }));
}

TEST(CudaEmulator, OutputThatWasNeverWritten_IsAFault) {
  EXPECT_EQ(run(half, 0).size(), 64u);
  EXPECT_TRUE(faults("element 32 of 64 was never written", [] { run(half, 1); }));
}

}  // namespace
}  // namespace he
