// The dialect on a GPU: what nvcc has already, spelled out for clang, and one line of PTX for each machine operation.
#pragma once
#if !defined(__CUDACC__)  // clang with -nocudainc
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __host__ __attribute__((host))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
};
#include <__clang_cuda_builtin_vars.h>  // threadIdx and its like; lies beside the compiler, not in a toolkit
#endif

#define HE_GPU __device__ __attribute__((always_inline)) inline
// A kernel's name, exported as it is written, for blocks of at most THREADS.
#define HE_KERNEL(THREADS) extern "C" __global__ void __launch_bounds__(THREADS)

namespace he::cuda {

HE_GPU unsigned thread() { return threadIdx.x; }
HE_GPU unsigned threads() { return blockDim.x; }
HE_GPU unsigned block_x() { return blockIdx.x; }
HE_GPU unsigned block_y() { return blockIdx.y; }
HE_GPU unsigned block_z() { return blockIdx.z; }

HE_GPU void sync_block() { __syncthreads(); }
HE_GPU void sync_warp() { asm volatile("bar.warp.sync 0xffffffff;" ::: "memory"); }

#define HE_SHUFFLE(NAME, MODE)                                                                                  \
  HE_GPU unsigned NAME(unsigned v, unsigned lane) {                                                             \
    unsigned r;                                                                                                 \
    asm volatile("shfl.sync." MODE ".b32 %0, %1, %2, 31, 0xffffffff;" : "=r"(r) : "r"(v), "r"(lane));           \
    return r;                                                                                                   \
  }
HE_SHUFFLE(shuffle_xor, "bfly")
HE_SHUFFLE(shuffle, "idx")
#undef HE_SHUFFLE
// Bit l: lane l's answer.
HE_GPU unsigned vote(bool yes) {
  unsigned r;
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %1, 0; vote.sync.ballot.b32 %0, p, 0xffffffff; }" : "=r"(r) : "r"(yes ? 1u : 0u));
  return r;
}
HE_GPU int count_bits(unsigned v) {
  int r;
  asm("popc.b32 %0, %1;" : "=r"(r) : "r"(v));
  return r;
}
HE_GPU float bits_to_float(unsigned v) {
  float r;
  asm("mov.b32 %0, %1;" : "=f"(r) : "r"(v));
  return r;
}
HE_GPU unsigned float_to_bits(float v) {
  unsigned r;
  asm("mov.b32 %0, %1;" : "=r"(r) : "f"(v));
  return r;
}

// A function that is one instruction from floats to a float.
#define HE_FLOAT_1(NAME, INSTRUCTION)                      \
  HE_GPU float NAME(float x) {                             \
    float r;                                               \
    asm(INSTRUCTION " %0, %1;" : "=f"(r) : "f"(x));        \
    return r;                                              \
  }
#define HE_FLOAT_2(NAME, INSTRUCTION)                               \
  HE_GPU float NAME(float a, float b) {                             \
    float r;                                                        \
    asm(INSTRUCTION " %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));     \
    return r;                                                       \
  }
HE_FLOAT_2(divide, "div.rn.f32")
HE_FLOAT_2(maximum, "max.f32")  // the greater; the other one where one is a NaN
HE_FLOAT_1(square_root, "sqrt.rn.f32")
HE_FLOAT_1(round_nearest, "cvt.rni.f32.f32")  // a whole number, ties to even
HE_FLOAT_1(exp2_fast, "ex2.approx.ftz.f32")  // two units in the last place; results below the normal numbers are 0; a NaN stays one
HE_FLOAT_1(log2_fast, "lg2.approx.ftz.f32")
#undef HE_FLOAT_1
#undef HE_FLOAT_2
HE_GPU float fma(float a, float b, float c) {
  float r;
  asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(r) : "f"(a), "f"(b), "f"(c));
  return r;
}
// For the few kernels that need float64 (docs/cuda.md).
HE_GPU double square_root(double x) {
  double r;
  asm("sqrt.rn.f64 %0, %1;" : "=d"(r) : "d"(x));
  return r;
}
HE_GPU unsigned long long double_to_bits(double v) {
  unsigned long long r;
  asm("mov.b64 %0, %1;" : "=l"(r) : "d"(v));
  return r;
}
HE_GPU double bits_to_double(unsigned long long v) {
  double r;
  asm("mov.b64 %0, %1;" : "=d"(r) : "l"(v));
  return r;
}
// The value of a float16, exact.
HE_GPU float widen_half(unsigned short bits) {
  float r;
  asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(bits));
  return r;
}
// Both rounded to nearest even, `low` in the lower half.
HE_GPU unsigned pack_bf16(float low, float high) {
  unsigned r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
}

HE_GPU unsigned shared_address(const void* p) {
  unsigned r;
  asm("{ .reg .u64 t; cvta.to.shared.u64 t, %1; cvt.u32.u64 %0, t; }" : "=r"(r) : "l"(p));
  return r;
}
// Sixteen bytes from global to shared memory, beside the thread; zeros instead when `there` is false (nothing is read then).
HE_GPU void copy_async16(void* shared, const void* global, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(there ? 16 : 0) : "memory");
}
HE_GPU void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Until at most LEFT of this thread's groups are still under way.
template <int LEFT>
HE_GPU void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}
HE_GPU void load_matrices(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}
HE_GPU void load_matrices_transposed(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
// d += a b of a warp: a 16 x 16, b 16 x 8.
HE_GPU void multiply_bf16(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Loads and stores in a named space. clang is told the space: it does not always see that an address that was added to came from a kernel's argument.
#if defined(__clang__)
template <int BYTES>
struct Bits;
template <>
struct Bits<2> {
  typedef unsigned short __attribute__((may_alias)) type;
};
template <>
struct Bits<4> {
  typedef unsigned __attribute__((may_alias)) type;
};
template <>
struct Bits<8> {
  typedef unsigned __attribute__((ext_vector_type(2), may_alias)) type;
};
template <>
struct Bits<16> {
  typedef unsigned __attribute__((ext_vector_type(4), may_alias)) type;
};
template <int SPACE, class V>
HE_GPU V load_from(const V* p) {
  return __builtin_bit_cast(V, *(const __attribute__((address_space(SPACE))) typename Bits<sizeof(V)>::type*)(p));
}
template <int SPACE, class V>
HE_GPU void store_to(V* p, V v) {
  *(__attribute__((address_space(SPACE))) typename Bits<sizeof(V)>::type*)(p) = __builtin_bit_cast(typename Bits<sizeof(V)>::type, v);
}
#else
template <int SPACE, class V>
HE_GPU V load_from(const V* p) {
  return *p;
}
template <int SPACE, class V>
HE_GPU void store_to(V* p, V v) {
  *p = v;
}
#endif

#define HE_BOTH __host__ __device__  // what launchers compute as well
#define HE_UNROLL _Pragma("unroll")  // loops whose index picks a register
#define HE_TOUCH_GLOBAL(ADDRESS, BYTES, USE) ((void)0)
#define HE_TOUCH_SHARED(ADDRESS, BYTES, USE) ((void)0)

extern __shared__ __attribute__((aligned(128))) unsigned char he_shared_memory[];
// The block's shared memory from byte OFFSET on.
HE_GPU void* shared_bytes_at(int offset, int) { return he_shared_memory + offset; }

}  // namespace he::cuda
