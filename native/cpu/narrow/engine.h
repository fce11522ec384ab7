// The engine that this compilation is for. Each defines struct Bf16Engine:
//   kName, kVariant
//   kRows                                     the most rows of a block: a block is what passes through the registers (or tiles) at once
//   kCarries                                  whether a sum may be cut at a multiple of 32 and go on from C with the same bits
//   row_of(rows, block)                       the first row of a block
//   rows_floats(rows, inner)                  room for packed rows
//   pack_rows(x, stride, a, block)            one block of rows [inner]
//   pack_columns(x, stride, a, block, begin, end)   one block of columns of x [inner, rows], its inner range [begin, end); begin is a multiple of 32
//   product(a, first, end, from, to, p, carry_in, carry_out)   blocks [first, end) times all columns of p, inner range [from, to)
// Where a block is rows in registers, blocks split the rows evenly: a thin rest could not hide the latency of its chains.
#pragma once
#if defined(HE_ENGINE_AMX)
#include "cpu/narrow/engine_amx.h"
#elif defined(HE_ENGINE_DOT)
#include "cpu/narrow/engine_dot.h"
#else
#include "cpu/narrow/engine_fma.h"
#endif
