// Peak rates of single instructions, from registers: what no kernel made of them can pass. For benchmarks; nothing that computes depends on
// it.
#pragma once
#include <string>
#include <vector>

#include "core/thread_pool.h"

namespace he {

struct Instruction {
  std::string name;  // such as "fma, avx512" or "bf16 dot"
  double (*loop)();  // a few milliseconds on one thread; returns operations done (a multiply-add counts two)
};

// Of the products of a type ("float32", "bf16", "int8") with an instruction set and a matrix engine (core/context.h): the engine's own, or
// the instruction set's where it has none.
Instruction instruction_of(const std::string& type, const std::string& isa, const std::string& engine);

// Operations a second on all threads of the pool at once: the best of several measurements.
double peak_rate(ThreadPool& pool, const Instruction& instruction);

}  // namespace he
