// Kernel files are compiled once per instruction set, each time into its own namespace: he::cpu::scalar, he::cpu::avx2, he::cpu::avx512 (CMake defines HE_ISA).
// They include no inline-heavy headers: an inline function compiled with AVX-512 flags could be the copy that the linker keeps for everyone.
#pragma once
#if !defined(HE_ISA)
#error "compile through CMake: HE_ISA names the instruction set"
#endif
#define HE_ISA_BEGIN namespace he::cpu::HE_ISA {
#define HE_ISA_END }
