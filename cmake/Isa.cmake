# he_add_kernels(prefix sources...): one object library per instruction set that this compiler and architecture have, each compiled with its own flags into
# its own namespace (HE_ISA). Adds to HE_KERNEL_LIBRARIES and HE_ISA_DEFINITIONS.
# he_add_engines(prefix sources...): the same for the matrix engines that are no instruction set of their own (native/cpu/narrow); adds to both lists.
# -ffp-contract=off: multiply-adds are fused only where the code says so, so that every instruction set gives the same bits (docs/numerics.md).
set(HE_X86 FALSE)
if(NOT MSVC AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  set(HE_X86 TRUE)
endif()
set(HE_FLAGS_scalar "")
set(HE_FLAGS_avx2 -mavx2 -mfma -mf16c)
set(HE_FLAGS_avx512 -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl)
set(HE_FLAGS_avx512dot ${HE_FLAGS_avx512} -mavx512bf16 -mavx512vnni -DHE_ENGINE_DOT)
set(HE_FLAGS_amx ${HE_FLAGS_avx512} -mavx512bf16 -mavx512vnni -mamx-tile -mamx-bf16 -mamx-int8 -DHE_ENGINE_AMX)
set(HE_FLAGS_avx512free ${HE_FLAGS_avx512} -DHE_FREE_ORDER)  # he_bench only: sums in an order that promises nothing
set(HE_FLAGS_amx_emulated -DHE_ENGINE_AMX -DHE_AMX_EMULATED)

function(he_add_kernel_library name isa)
  add_library(${name} OBJECT ${ARGN})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/include)
  target_compile_definitions(${name} PRIVATE HE_ISA=${isa})
  if(MSVC)
    target_compile_options(${name} PRIVATE ${HE_FLAGS_${isa}})
  else()
    # Scalar at -O3 unrolls sixteen-lane arrays for over a minute a file and gains nothing that matters for a fallback.
    set(level -O3)
    if(isa MATCHES "scalar|emulated")
      set(level -O2)
    endif()
    if(HE_SANITIZE)
      set(level -O1)  # instrumented kernels take minutes a file above it
    endif()
    target_compile_options(${name} PRIVATE ${level} -ffp-contract=off -fno-math-errno ${HE_FLAGS_${isa}})
  endif()
  he_warnings(${name})
  if(isa MATCHES "avx512|amx" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC PR 105593: its own AVX-512 headers set off this warning.
    target_compile_options(${name} PRIVATE -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
endfunction()

# One library for each of the instruction sets or engines named; adds to both lists, which belong to the caller of the function that it is used in.
macro(he_add_each prefix names)
  foreach(isa IN LISTS ${names})
    he_add_kernel_library(${prefix}_${isa} ${isa} ${ARGN})
    list(APPEND HE_KERNEL_LIBRARIES ${prefix}_${isa})
    string(TOUPPER ${isa} upper)
    list(APPEND HE_ISA_DEFINITIONS HE_HAVE_${upper})
  endforeach()
  set(HE_KERNEL_LIBRARIES ${HE_KERNEL_LIBRARIES} PARENT_SCOPE)
  set(HE_ISA_DEFINITIONS ${HE_ISA_DEFINITIONS} PARENT_SCOPE)
endmacro()

function(he_add_kernels prefix)
  set(isas scalar)
  if(HE_X86)
    list(APPEND isas avx2 avx512)
  endif()
  he_add_each(${prefix} isas ${ARGN})
endfunction()

function(he_add_engines prefix)
  set(engines amx_emulated)
  if(HE_X86)
    list(APPEND engines avx512dot amx)
  endif()
  he_add_each(${prefix} engines ${ARGN})
endfunction()
