// Modules and launches of the recording driver: every argument is checked against the kernel that the name stands for.
#include <cstring>

#include "cuda/driver/entry.h"

using namespace he::driver;

namespace {

// The block of arguments and its size: from `extra`, or from the one pointer of `parameters`.
Result arguments_of(const Kernel& kernel, void** parameters, void** extra, const void** block) {
  if (parameters) {
    *block = parameters[0];
    return kSuccess;
  }
  size_t bytes = 0;
  for (*block = nullptr; extra && reinterpret_cast<uintptr_t>(*extra) != kParamEnd; extra += 2) {
    if (reinterpret_cast<uintptr_t>(*extra) == kParamPointer) *block = extra[1];
    else if (reinterpret_cast<uintptr_t>(*extra) == kParamSize) bytes = *static_cast<const size_t*>(extra[1]);
    else return device().refuse(kInvalidValue, kernel.name + ": unknown entry of extra");
  }
  if (!*block || bytes != kernel.argument_bytes)
    return device().refuse(kInvalidValue, kernel.name + ": found " + std::to_string(bytes) + " bytes of arguments, expected " + std::to_string(kernel.argument_bytes));
  return kSuccess;
}

}  // namespace

/// Any image will do: what kernels do is in this library.
HE_API(cuModuleLoadDataEx, Module** module, const void* image, unsigned, int*, void**) {
  HE_ENTER_CONTEXT();
  if (!image) return d.refuse(kInvalidValue, "a module without an image");
  *module = new Module;
  d.modules.insert(*module);
  return kSuccess;
}

HE_API(cuModuleUnload, Module* module) {
  HE_ENTER_CONTEXT();
  if (!d.modules.erase(module)) return d.refuse(kInvalidHandle, "no such module");
  for (const auto& [name, function] : module->functions) d.functions.erase(function.get());
  delete module;
  return kSuccess;
}

HE_API(cuModuleGetFunction, Function** function, Module* module, const char* name) {
  HE_ENTER_CONTEXT();
  if (!d.modules.count(module)) return d.refuse(kInvalidHandle, "no such module");
  const auto kernel = kernels().find(name);
  if (kernel == kernels().end()) return d.refuse(kNotFound, std::string("no kernel ") + name + " (native/cuda/driver/kernels)");
  std::unique_ptr<Function>& slot = module->functions[name];
  if (!slot) slot = std::make_unique<Function>(Function{&kernel->second});
  d.functions.insert(*function = slot.get());
  return kSuccess;
}

HE_API(cuFuncSetAttribute, Function* function, int attribute, int value) {
  HE_ENTER_CONTEXT();
  if (!d.functions.count(function)) return d.refuse(kInvalidHandle, "no such function");
  if (attribute != kMaxDynamicSharedSizeBytes || value < 0 || static_cast<size_t>(value) > kSharedByRequest)
    return d.refuse(kInvalidValue, function->kernel->name + ": attribute " + std::to_string(attribute) + " = " + std::to_string(value));
  function->shared_limit = static_cast<size_t>(value);
  return kSuccess;
}

HE_API(cuFuncGetAttribute, int* value, int attribute, Function* function) {
  HE_ENTER_CONTEXT();
  if (!d.functions.count(function)) return d.refuse(kInvalidHandle, "no such function");
  switch (attribute) {
    case kMaxThreadsPerBlock: *value = static_cast<int>(function->kernel->threads); return kSuccess;
    case kSharedSizeBytes: *value = 0; return kSuccess;
    case kNumRegisters: *value = 0; return kSuccess;
    case kMaxDynamicSharedSizeBytes: *value = static_cast<int>(function->shared_limit); return kSuccess;
    default: return d.refuse(kInvalidValue, "an attribute that the emulated device does not know");
  }
}

HE_API(cuLaunchKernel, Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, Stream* stream, void** parameters, void** extra) {
  HE_ENTER_CONTEXT();
  if (!d.functions.count(function)) return d.refuse(kInvalidHandle, "no such function");
  const Kernel& kernel = *function->kernel;
  if (gx == 0 || gx > 0x7fffffff || gy == 0 || gy > 65535 || gz == 0 || gz > 65535)
    return d.refuse(kInvalidValue, kernel.name + ": a grid of " + std::to_string(gx) + " x " + std::to_string(gy) + " x " + std::to_string(gz));
  if (bx != kernel.threads || by != 1 || bz != 1)
    return d.refuse(kInvalidValue, kernel.name + ": blocks of " + std::to_string(bx) + " x " + std::to_string(by) + " x " + std::to_string(bz) + ", expected " + std::to_string(kernel.threads));
  if (shared > function->shared_limit)
    return d.refuse(kInvalidValue, kernel.name + ": " + std::to_string(shared) + " bytes of shared memory, it asked for at most " + std::to_string(function->shared_limit));
  const void* block = nullptr;
  if (const Result r = arguments_of(kernel, parameters, extra, &block)) return r;
  const std::string arguments(static_cast<const char*>(block), kernel.argument_bytes);
  ++d.launches;
  return d.enqueue(stream, [&kernel, gx, gy, gz, shared, arguments] { kernel.run({gx, gy, gz}, shared, arguments.data(), device().options); });
}
