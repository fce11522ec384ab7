// Even blocks of rows, shared by the engines.
#pragma once
#include "cpu/narrow/narrow.h"
#include "cpu/simd/isa.h"

HE_ISA_BEGIN

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// Block i of `blocks` over n rows: [block_begin(n, blocks, i), block_begin(n, blocks, i + 1)).
static inline int64_t block_begin(int64_t n, int64_t blocks, int64_t i) { return i * n / blocks; }

HE_ISA_END
