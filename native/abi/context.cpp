// Library and context exports.
#include "core/context.h"

#include <cstdlib>
#include <cstring>

#include "abi/guard.h"
#include "core/peak.h"

namespace he {
static thread_local std::string last_error;
void set_last_error(const char* message) noexcept {
  try {
    last_error = message;
  } catch (...) {
  }
}
}  // namespace he

extern "C" {

uint32_t he_abi_version(void) { return HE_ABI_VERSION; }

const char* he_last_error(void) { return he::last_error.c_str(); }

const char* he_available_isas(void) {
  static const std::string names = he::available_isas();
  return names.c_str();
}

he_status he_context_create(const char* isa, const char* matrix, int32_t threads, he_context** out) {
  return he::guard([&] {
    he::require(out != nullptr, "context: out is null");
    he::require(threads >= 0 && threads <= 1024, "context: threads must be 0 to 1024");
    *out = nullptr;
    const auto chosen = [](const char* argument, const char* variable) {
      const char* value = argument != nullptr ? argument : std::getenv(variable);
      return std::string(value != nullptr ? value : "");
    };
    const he::Isa& set = he::select_isa(chosen(isa, "HE_ISA"), isa != nullptr ? "isa" : "HE_ISA");
    *out = new he_context(set, he::select_engine(set, chosen(matrix, "HE_MATRIX"), matrix != nullptr ? "matrix" : "HE_MATRIX"), threads);
  });
}

void he_context_destroy(he_context* ctx) { delete ctx; }

const char* he_context_isa(he_context* ctx) { return ctx->isa.name; }

const char* he_context_matrix(he_context* ctx) { return ctx->narrow.bf16.engine; }

const char* he_context_bf16_variant(he_context* ctx) { return ctx->narrow.bf16.variant; }

int32_t he_context_threads(he_context* ctx) { return ctx->pool.size(); }

he_status he_context_peak(he_context* ctx, int32_t arithmetic, char* instruction, double* operations) {
  return he::guard([&] {
    he::require(ctx != nullptr && instruction != nullptr && operations != nullptr, "peak: an argument is null");
    he::require(arithmetic >= 0 && arithmetic <= 2, "peak: arithmetic must be 0 (float32), 1 (bf16) or 2 (int8)");
    const char* types[] = {"float32", "bf16", "int8"};
    const he::Instruction chosen = he::instruction_of(types[arithmetic], ctx->isa.name, ctx->narrow.bf16.engine);
    std::strncpy(instruction, chosen.name.c_str(), 63);
    instruction[63] = 0;
    *operations = he::peak_rate(ctx->pool, chosen);
  });
}

}  // extern "C"
