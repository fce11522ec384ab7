// Peak rates of single instructions, from registers: what no kernel made of them can pass.
#pragma once
#include <string>
#include <vector>

namespace he::bench {

struct Instruction {
  std::string name;  // such as "fma, avx512"
  double (*loop)();  // a few milliseconds on one thread; returns operations done (a multiply-add counts two)
};

// Fused multiply-add of float32 in an instruction set of he_context_isa.
Instruction fma_instruction(const std::string& isa);

// Every further kind that this CPU has: "bf16 dot", "int8 dot", "int8 madd", "bf16 amx", "int8 amx".
std::vector<Instruction> dot_instructions();

}  // namespace he::bench
