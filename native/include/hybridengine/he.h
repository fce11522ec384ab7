/* HybridEngine's C ABI: the only header that the outside may see.
 * Every fallible call returns a status; he_last_error() explains it. Pointers are host memory; sizes and strides count elements. No call keeps a pointer.
 * A context owns a thread pool and the kernel table of one instruction set; one thread uses a context at a time. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#if defined(_WIN32)
#define HE_API __declspec(dllexport)
#else
#define HE_API __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
extern "C" {
#endif

#define HE_ABI_VERSION 1u

typedef enum he_status { HE_OK = 0, HE_INVALID_ARGUMENT = 1, HE_OUT_OF_MEMORY = 2, HE_UNSUPPORTED = 3, HE_DEVICE = 4, HE_INTERNAL = 5 } he_status;
typedef struct he_context he_context;

/* ---- library and context ---- */
HE_API uint32_t he_abi_version(void);
HE_API const char* he_last_error(void); /* of this thread, UTF-8, valid until its next he_ call */
HE_API const char* he_available_isas(void); /* comma-separated, best first, of this build on this machine */
/* isa: "scalar", "avx2", "avx512", or null for HE_ISA from the environment, else the best. threads: 0 for the CPUs this process may use. */
HE_API he_status he_context_create(const char* isa, int32_t threads, he_context** out);
HE_API void he_context_destroy(he_context* ctx); /* null is a no-op */
HE_API const char* he_context_isa(he_context* ctx);
HE_API int32_t he_context_threads(he_context* ctx);

#ifdef __cplusplus
}
#endif
