// Activations as the int8 products read them: rows in even blocks of at most kInt8Rows; of a block, square by square of 32 inputs, a record for each row:
//   words [8]      four inputs a word
//   first [units]  what an integer sum begins with: - offset * sum of the unit's activations, so that weights may lie unsigned
//   scale          float32
//   sums  [units]  scale * sum of the unit's activations, for weights with a minimum
// Where a matrix unit is, and enough rows: blocks of 16 rows, and of a square in place of the words a tile for each unit, [units][16 rows][64 bytes], filled up with zeros;
// then first [units][16], scale [16], sums [units][16]. Rows that are not there are zeros.
// units: scales of a weight in 32 inputs (1 or 2). All of a record's parts are 32 bits wide, so a tile needs one pointer.
#pragma once
#include "cpu/compact/block.h"
#include "cpu/narrow/blocks.h"

HE_ISA_BEGIN

#if defined(__AVX512F__)
static constexpr int kInt8Rows = 5;  // 10 integer and 10 float accumulators: the fastest of 4, 5 and 6 (docs/benchmarks/epyc-zen5.md)
#else
static constexpr int kInt8Rows = 2;
#endif

static constexpr int64_t kMatrixRows = 16, kMatrixWords = 256;  // rows and words of a tile
#if defined(HE_ENGINE_AMX)
static constexpr int64_t kLeastMatrixRows = 12;  // fewer are cheaper as dot products
static inline bool by_matrix(int64_t rows) { return rows >= kLeastMatrixRows; }
#else
static inline bool by_matrix(int64_t) { return false; }
#endif

static constexpr int64_t record_words(int units) { return kQuads + 1 + 2 * units; }                                       // of a row
static constexpr int64_t matrix_record_words(int units) { return units * kMatrixWords + (1 + 2 * units) * kMatrixRows; }  // of sixteen

static inline int64_t int8_blocks(int64_t rows) { return ceil_div(rows, by_matrix(rows) ? kMatrixRows : kInt8Rows); }
static inline int64_t int8_row_of(int64_t rows, int64_t block) {
  if (by_matrix(rows)) return least(rows, block * kMatrixRows);
  const int64_t blocks = int8_blocks(rows);
  return block * (rows / blocks) + least(block, rows % blocks);
}
// Where a block's records begin, in words.
static inline int64_t int8_records_of(int64_t rows, int64_t squares, int units, int64_t block) {
  return squares * (by_matrix(rows) ? block * matrix_record_words(units) : int8_row_of(rows, block) * record_words(units));
}

HE_ISA_END
