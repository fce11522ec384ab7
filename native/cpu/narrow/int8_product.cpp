// Blocks of quantized rows times the columns of a compact weight, on one thread.
//   few rows   fields are cut out in registers: memory carries the compact weight once
//   more       a panel is expanded once into bytes and float32 scales (36 to 48 bytes for 32 weights), which L1 or L2 hold while the rows pass; q8_0 is such bytes already
#include "cpu/narrow/int8_isa.h"
#include "cpu/narrow/int8_tile.h"
#if defined(HE_ENGINE_AMX)
#include "cpu/narrow/int8_matrix.h"
#endif

HE_ISA_BEGIN

namespace {

constexpr int64_t kFewRows = 2 * kInt8Rows;  // expanding takes about as long as two tiles
constexpr int64_t kLine = 64;                // of a cache

template <class Source>
using Expanded = ExpandedBlock<Source::kUnits, Source::kHasMinimum>;

template <class Block, int G>
inline void expand_quad(Square s, int64_t lane, uint8_t* to) {
  store_quad(to + (G * kSide + lane) * 4, Block::template quad<G>(s, lane));
}

template <class Block, int Unit>
inline void expand_constants(Square s, int64_t lane, uint8_t* to) {
  const Constants c = Block::template constants<Unit>(s, lane);
  float* d = reinterpret_cast<float*>(to + Expanded<Block>::kNumbers + Unit * Expanded<Block>::kUnitBytes) + lane;
  store(d, c.d);
  if constexpr (Block::kHasMinimum) store(d + kSide, c.m);
}

template <class Block>
void expand(const uint8_t* panel, int64_t squares, uint8_t* to) {
  for (int64_t i = 0; i < squares; ++i, to += Expanded<Block>::kBytes) {
    const Square s = Block::square(panel, i);
    // The panel after this one: it comes while the rows pass this one. (Behind the last panel there may be nothing: asking does no harm.)
    const uint8_t* next = s.own + panel_bytes(Block::kType, squares * kSide);
    for (int64_t line = 0; line < Block::kLines; ++line) __builtin_prefetch(next + line * 64, 0, 2);
    for (int64_t lane = 0; lane < kSide; lane += kLanes) {
      expand_quad<Block, 0>(s, lane, to);
      expand_quad<Block, 1>(s, lane, to);
      expand_quad<Block, 2>(s, lane, to);
      expand_quad<Block, 3>(s, lane, to);
      expand_quad<Block, 4>(s, lane, to);
      expand_quad<Block, 5>(s, lane, to);
      expand_quad<Block, 6>(s, lane, to);
      expand_quad<Block, 7>(s, lane, to);
      expand_constants<Block, 0>(s, lane, to);
      if constexpr (Block::kUnits == 2) expand_constants<Block, 1>(s, lane, to);
    }
  }
}

// The tile of a block's height.
template <class Source>
void tile_of(int64_t height, const Int8Tile& t) {
  switch (height) {
    case 1:
      return int8_tile<Source, 1>(t);
    case 2:
      return int8_tile<Source, 2>(t);
#if defined(__AVX512F__)
    case 3:
      return int8_tile<Source, 3>(t);
    case 4:
      return int8_tile<Source, 4>(t);
    case 5:
      return int8_tile<Source, 5>(t);
#endif
    default:
      return;
  }
}

#if defined(HE_ENGINE_AMX)
constexpr int64_t kBehind = kBeyondPanel;
using MatrixScope = TileScope;
template <class Source>
void matrix_product(const Int8Tile& t, int64_t rows) {
  Int8Matrix<Source>::product(t, rows);
}
#else
constexpr int64_t kBehind = 0;
struct MatrixScope {};
template <class Source>
void matrix_product(const Int8Tile&, int64_t) {}
#endif

// Asks for a share of the panel behind this one, part of `parts`: it comes while rows pass this one. (Behind the last there may be nothing: asking does no harm.)
inline void fetch_ahead(const uint8_t* panel, int64_t bytes, int64_t part, int64_t parts) {
  const int64_t lines = bytes / kLine + 1;
  for (int64_t line = lines * part / parts; line < lines * (part + 1) / parts; ++line) __builtin_prefetch(panel + bytes + line * kLine, 0, 2);
}

// All columns of p for blocks [first, end) of rows.
template <class Block>
void blocks_product(const CompactWeight& w, const Int8Rows& a, int64_t first, int64_t end, const Int8Product& p, uint8_t* wide) {
  const int64_t squares = w.inputs / kSide, bytes = panel_bytes(w.type, w.inputs), rows = a.rows;
  const int64_t begin = int8_row_of(rows, first), stop = int8_row_of(rows, end), least_height = (rows / int8_blocks(rows)), longer = rows % int8_blocks(rows);
  const bool matrix = by_matrix(rows), few = !matrix && stop - begin <= kFewRows, as_it_is = !matrix && (few || Block::kWholeBytes);
  const int32_t* records = static_cast<const int32_t*>(a.data) + int8_records_of(rows, squares, Block::kUnits, first);
  const uint8_t* panel = w.data + p.column / kCompactOutputs * bytes;
  for (int64_t done = 0; done < p.columns; done += kCompactOutputs, panel += bytes) {
    if (!as_it_is) expand<Block>(panel, squares, wide);
    Int8Tile t{as_it_is ? panel : wide, records, squares, p.c + done, p.c_row, least(kCompactOutputs, p.columns - done),
               p.bias != nullptr ? p.bias + done : nullptr, p.accumulate};
    for (int64_t block = first; block < end; ++block) {
      const int64_t height = matrix ? least(kMatrixRows, stop - begin - (block - first) * kMatrixRows) : least_height + (block < longer ? 1 : 0);
      if (matrix) {
        matrix_product<Expanded<Block>>(t, height);
      } else if (few) {
        tile_of<Block>(height, t);
      } else if constexpr (Block::kWholeBytes) {
        fetch_ahead(panel, bytes, block - first, end - first);
        tile_of<Block>(height, t);
      } else {
        tile_of<Expanded<Block>>(height, t);
      }
      t.c += height * p.c_row;
      t.records += squares * (matrix ? matrix_record_words(Block::kUnits) : height * record_words(Block::kUnits));
    }
  }
}

}  // namespace

// Bytes of the greatest expanded panel: two units with minima.
size_t int8_scratch_floats(int64_t inputs) { return static_cast<size_t>(inputs / kSide * ExpandedBlock<2, true>::kBytes + kBehind) / sizeof(float); }

void int8_blocks_product(const CompactWeight& w, const Int8Rows& a, int64_t first, int64_t end, const Int8Product& p, float* scratch) {
  const auto run = [&] {
    with_block(w.type, [&](auto b) {
      using Block = decltype(b);
      if constexpr (Block::kHasQuads) blocks_product<Block>(w, a, first, end, p, reinterpret_cast<uint8_t*>(scratch));
    });
  };
  if (!by_matrix(a.rows)) return run();
  [[maybe_unused]] const MatrixScope scope;
  run();
}

void int8_product(const CompactWeight& w, const Int8Rows& a, const Int8Product& p, float* scratch) {
  if (a.rows > 0 && p.columns > 0) int8_blocks_product(w, a, 0, int8_blocks(a.rows), p, scratch);
}

HE_ISA_END
