// The language of our CUDA kernels, read by three compilers: nvcc; clang without a toolkit (-x cuda --cuda-device-only -nocudainc -nocudalib); and a plain C++ compiler,
// for which every operation is emulated and checked (emulator/). docs/cuda.md explains it.
//
// Rules. Memory is reached through Global<T> and Shared<T>, nothing narrower than two bytes is stored. Blocks of one launch share nothing. Threads are one-dimensional, whole warps;
// warp operations are done by all 32 lanes. No multiply-add is fused but by fma(). No atomics: every sum has its order (docs/numerics.md).
#pragma once
#if defined(__CUDACC__) || defined(__CUDA__)
#include "cuda/dialect/gpu.h"
#else
#include "cuda/dialect/emulated.h"
#endif
#include "cuda/dialect/memory.h"
#include "cuda/dialect/numbers.h"
#include "cuda/dialect/functions.h"
