// What a kernel can ask of the machine, on the emulated one. Layouts of fragments: PTX ISA, "Matrix Fragments for mma.m16n8k16" and "ldmatrix".
#pragma once
#include <cstddef>
#include <cstdint>
#include <source_location>

namespace he::emulator {

using Site = std::source_location;

enum class Use { kRead, kWrite };

/// Checks an access of the running thread to global memory: bounds, alignment, initialised, no other thread in the way.
void touch_global(const void* address, size_t bytes, Use use);
/// The same for shared memory.
void touch_shared(const void* address, size_t bytes, Use use);
/// The block's shared memory from byte `offset` on; a fault when it has fewer than `bytes` there.
void* shared_memory(size_t offset, size_t bytes);

unsigned thread_index();
unsigned thread_count();
unsigned block_index(int axis);
unsigned grid_size(int axis);

void synchronize_block(const Site& at);
void synchronize_warp(const Site& at);

uint32_t shuffle_xor(uint32_t value, unsigned mask, const Site& at);
uint32_t shuffle(uint32_t value, unsigned lane, const Site& at);
uint32_t vote(bool yes, const Site& at);

void copy_async(void* shared, const void* global, unsigned bytes);
void copy_commit();
void copy_wait(unsigned groups_left);

void load_matrices(uint32_t (&to)[4], const void* row, bool transposed, const Site& at);
void multiply_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Site& at);

/// Nearest even; a NaN stays one.
uint16_t round_bf16(float x);
/// The value of a float16.
float widen_half(uint16_t bits);

}  // namespace he::emulator
