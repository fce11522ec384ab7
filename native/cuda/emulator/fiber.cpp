#include "cuda/emulator/fiber.h"

#include <cstdint>
#include <vector>

#if defined(__x86_64__)
// Saves the callee-saved registers and the stack pointer at *from, takes over the stack at to. (The floating-point control words never change here.)
extern "C" void he_emulator_switch(void** from, void* to);
asm(R"(
.text
.globl he_emulator_switch
.hidden he_emulator_switch
.type he_emulator_switch, @function
he_emulator_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
.size he_emulator_switch, .-he_emulator_switch
)");
#endif

namespace he::emulator {
namespace {

// Stacks of launches that are over: the next launch needs as many.
std::vector<std::unique_ptr<std::byte[]>>& spare_stacks() {
  static auto& spare = *new std::vector<std::unique_ptr<std::byte[]>>;
  return spare;
}

}  // namespace

Fiber::~Fiber() {
  if (stack_) spare_stacks().push_back(std::move(stack_));
}

void Fiber::prepare(void (*entry)()) {
  if (!stack_ && !spare_stacks().empty()) {
    stack_ = std::move(spare_stacks().back());
    spare_stacks().pop_back();
  }
  if (!stack_) stack_ = std::make_unique_for_overwrite<std::byte[]>(kStack);
#if defined(__x86_64__)
  const uintptr_t end = (reinterpret_cast<uintptr_t>(stack_.get()) + kStack) & ~uintptr_t{63};
  uint64_t* slot = reinterpret_cast<uint64_t*>(end - 64);
  *--slot = 0;  // where entry would return to; keeps the stack aligned as after a call
  *--slot = reinterpret_cast<uint64_t>(entry);
  for (int i = 0; i < 6; ++i) *--slot = 0;
  top_ = slot;
#else
  getcontext(context_.get());
  context_->uc_stack.ss_sp = stack_.get();
  context_->uc_stack.ss_size = kStack;
  context_->uc_link = nullptr;
  makecontext(context_.get(), entry, 0);
#endif
}

void Fiber::resume(Fiber& from) {
#if defined(__x86_64__)
  he_emulator_switch(&from.top_, top_);
#else
  swapcontext(from.context_.get(), context_.get());
#endif
}

}  // namespace he::emulator
