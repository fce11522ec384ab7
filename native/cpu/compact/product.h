// Products with a compact weight on one thread. Few rows: values are widened in registers on their way into the multiply-adds, so that memory carries the narrow
// ones. Many rows: a panel is widened once into working memory and goes through the float32 tiles. Chains and tree are those of cpu/linear/tile.h in both.
#pragma once
#include "cpu/compact/block.h"
#include "cpu/linear/linear.h"
#include "cpu/linear/product.h"

HE_ISA_BEGIN

struct CompactTile : Tile {  // b, b_step and b_panel are not used
  const uint8_t* panel;
  int64_t panel_bytes;
  int64_t lane;  // first column within its panel: 0 or 16
  void (*widen)(const uint8_t* panel, int64_t square, int64_t lane, float* out);  // sixteen columns of 32 inputs
};

// How far ahead of its use a weight is asked for, in bytes of a panel: two or three squares.
static constexpr int64_t kAhead = 2048;

// Sixteen outputs of the 32 inputs of a square, 32 floats from one input to the next.
template <class Block>
static void widen_square(const uint8_t* panel, int64_t square, int64_t lane, float* out) {
  const Square s = Block::square(panel, square);
  if (lane == 0)
    for (int64_t line = 0; line < Block::kLines; ++line) __builtin_prefetch(s.own + kAhead + line * 64);
  auto quads = [&]<int First>() {
    const Constants c = Block::template constants<First == 0 ? 0 : Block::kUnits - 1>(s, lane);
    auto quad = [&]<int G>() {
      const Quad q = factors<Block>(Block::template quad<G>(s, lane));
      store(out + (4 * G) * kPanel, value<Block, 0>(q, c));
      store(out + (4 * G + 1) * kPanel, value<Block, 1>(q, c));
      store(out + (4 * G + 2) * kPanel, value<Block, 2>(q, c));
      store(out + (4 * G + 3) * kPanel, value<Block, 3>(q, c));
    };
    quad.template operator()<First>();
    quad.template operator()<First + 1>();
    quad.template operator()<First + 2>();
    quad.template operator()<First + 3>();
  };
  quads.template operator()<0>();
  quads.template operator()<4>();
}

template <class Block>
struct Compact {
  using Operands = CompactTile;

  template <int MR, int NV>
  static inline __attribute__((always_inline)) void chunk(const CompactTile& t, int64_t first, int64_t n, V16 (&acc)[MR][NV]) {
    if constexpr (Block::kHasQuads) return quad_chunk<MR, NV>(t, first, n, acc);
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[i][v] = zero();
    if constexpr (!Block::kHasQuads)
      for (int64_t k = first; k < first + n; k += kSide) inputs<MR, NV>(t, t.panel + k * compact_sizes(Block::kType).packed, t.a + k, acc);
  }

 private:
  template <int MR, int NV>
  static inline __attribute__((always_inline)) void multiply_add(const float* a, int64_t row, const V16 (&b)[NV], V16 (&acc)[MR][NV]) {
#pragma GCC unroll 12
    for (int r = 0; r < MR; ++r) {
      const V16 x = splat(a[r * row]);
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[r][v] = fma(x, b[v], acc[r][v]);
    }
  }

  // 32 inputs, one at a time.
  template <int MR, int NV>
  static inline __attribute__((always_inline)) void inputs(const CompactTile& t, const uint8_t* square, const float* a, V16 (&acc)[MR][NV]) {
    const int64_t panel = t.panel_bytes, lane = t.lane;
#pragma GCC unroll 2
    for (int64_t i = 0; i < kSide; ++i) {
      V16 b[NV];
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) b[v] = Block::value(square + v / 2 * panel, i, lane + v % 2 * kLanes);
      multiply_add<MR, NV>(a + i, t.a_row, b, acc);
    }
  }

  // 32 inputs, four at a time.
  // Not inlined: tile() has two calls, and the accumulators pass through memory once in 256 inputs only.
  template <int MR, int NV>
  static __attribute__((noinline)) void quad_chunk(const CompactTile& t, int64_t first, int64_t n, V16 (&sums)[MR][NV]) {
    V16 acc[MR][NV];
#pragma GCC unroll 2
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) acc[i][v] = zero();
#pragma GCC unroll 1
    for (int64_t k = first; k < first + n; k += kSide) quads<MR, NV>(t, k / kSide, t.a + k, acc);
#pragma GCC unroll 2
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) sums[i][v] = acc[i][v];
  }

  template <int MR, int NV>
  static inline __attribute__((always_inline)) void quads(const CompactTile& t, int64_t square, const float* a, V16 (&acc)[MR][NV]) {
    // Whole panels but for a single vector, so that every address is a panel's square and a constant; and one that the compiler takes as it is: left to itself it
    // keeps forty sums of addresses, in vector registers.
    const int64_t lane = NV > 1 ? 0 : t.lane;
    Square s[(NV + 1) / 2];
#pragma GCC unroll 4
    for (int p = 0; p < (NV + 1) / 2; ++p) {
      s[p] = Block::square(t.panel + p * t.panel_bytes, square);
      __asm__("" : "+r"(s[p].own));
    }
    Constants c[NV];
    auto constants = [&]<int Unit>() __attribute__((always_inline)) {
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) c[v] = Block::template constants<Unit>(s[v / 2], lane + v % 2 * kLanes);
    };
    auto quad = [&]<int G>() __attribute__((always_inline)) {
      Quad q[NV];
#pragma GCC unroll 4
      for (int p = 0; p < (NV + 1) / 2; ++p)
#pragma GCC unroll 4
        for (int64_t line = G * Block::kLines / kQuads; line < (G + 1) * Block::kLines / kQuads; ++line) __builtin_prefetch(s[p].own + kAhead + line * 64);
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) q[v] = factors<Block>(Block::template quad<G>(s[v / 2], lane + v % 2 * kLanes));
      auto input = [&]<int J>() __attribute__((always_inline)) {
        V16 b[NV];
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) b[v] = value<Block, J>(q[v], c[v]);
        multiply_add<MR, NV>(a + 4 * G + J, t.a_row, b, acc);
      };
      input.template operator()<0>();
      input.template operator()<1>();
      input.template operator()<2>();
      input.template operator()<3>();
    };
    constants.template operator()<0>();
    quad.template operator()<0>();
    quad.template operator()<1>();
    quad.template operator()<2>();
    quad.template operator()<3>();
    if constexpr (Block::kUnits == 2) constants.template operator()<1>();
    quad.template operator()<4>();
    quad.template operator()<5>();
    quad.template operator()<6>();
    quad.template operator()<7>();
  }
};

// More rows: a square is widened into L1 once for all of them, by a function of its type; the multiply-adds are the same for every type.
struct Widened {
  using Operands = CompactTile;

  template <int MR, int NV>
  static inline __attribute__((always_inline)) void chunk(const CompactTile& t, int64_t first, int64_t n, V16 (&acc)[MR][NV]) {
    alignas(64) float wide[kSide * kPanel];
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) acc[i][v] = zero();
    for (int64_t k = first; k < first + n; k += kSide) {
      for (int v = 0; v < NV; ++v) t.widen(t.panel, k / kSide, t.lane + v * kLanes, wide + v * kLanes);
      const float* a = t.a + k;
#pragma GCC unroll 1
      for (int64_t i = 0; i < kSide; ++i) {
        V16 b[NV];
#pragma GCC unroll 2
        for (int v = 0; v < NV; ++v) b[v] = load(wide + i * kPanel + v * kLanes);
#pragma GCC unroll 12
        for (int r = 0; r < MR; ++r) {
          const V16 x = splat(a[r * t.a_row + i]);
#pragma GCC unroll 2
          for (int v = 0; v < NV; ++v) acc[r][v] = fma(x, b[v], acc[r][v]);
        }
      }
    }
  }
};

// Rows up to which values are widened on their way: beyond, doing it once for a whole panel is cheaper. Numbers of fewer than 16 bits are widened in registers for
// one or two rows only.
static constexpr int kRegisterRows = 2;
#if defined(__AVX512F__)
static constexpr int kFewRows = 12;
static constexpr int compact_vectors(int rows, bool quads) { return quads ? rows <= 2 ? 4 : 2 : rows == 1 ? 8 : rows <= 6 ? 4 : 2; }
#elif defined(__AVX2__)
static constexpr int kFewRows = 4;
static constexpr int compact_vectors(int rows, bool) { return rows == 1 ? 2 : 1; }
#else
static constexpr int kFewRows = 2;
static constexpr int compact_vectors(int, bool) { return 1; }
#endif

using CompactTileFunction = void (*)(const CompactTile&);

template <class Block, int MR>
static constexpr CompactTileFunction compact_tile(bool wide) {
  constexpr int kMost = compact_vectors(MR, Block::kHasQuads), kLeast = kMost < 2 ? 1 : 2;
  if constexpr (Block::kHasQuads && MR > kRegisterRows) {
    return tile<MR, kLeast, Widened>;
  } else {
    return wide ? tile<MR, kMost, Compact<Block>> : tile<MR, kLeast, Compact<Block>>;
  }
}

// All columns of C for a few rows.
template <class Block>
static inline void product_few(CompactTile t, int64_t rows) {
  static constexpr CompactTileFunction kNarrow[] = {
      compact_tile<Block, 1>(false), compact_tile<Block, 2>(false),
#if defined(__AVX2__)
      compact_tile<Block, 3>(false), compact_tile<Block, 4>(false),
#endif
#if defined(__AVX512F__)
      compact_tile<Block, 5>(false), compact_tile<Block, 6>(false), compact_tile<Block, 7>(false), compact_tile<Block, 8>(false),
      compact_tile<Block, 9>(false), compact_tile<Block, 10>(false), compact_tile<Block, 11>(false), compact_tile<Block, 12>(false),
#endif
  };
  static constexpr CompactTileFunction kWide[] = {
      compact_tile<Block, 1>(true), compact_tile<Block, 2>(true),
#if defined(__AVX2__)
      compact_tile<Block, 3>(true), compact_tile<Block, 4>(true),
#endif
#if defined(__AVX512F__)
      compact_tile<Block, 5>(true), compact_tile<Block, 6>(true), compact_tile<Block, 7>(true), compact_tile<Block, 8>(true),
      compact_tile<Block, 9>(true), compact_tile<Block, 10>(true), compact_tile<Block, 11>(true), compact_tile<Block, 12>(true),
#endif
  };
  static_assert(sizeof kWide / sizeof *kWide == kFewRows);
  const int64_t wide = kLanes * compact_vectors(static_cast<int>(rows), Block::kHasQuads), narrow = wide < kPanel ? kLanes : kPanel;
  while (t.columns > 0) {
    const bool whole = t.columns >= wide;
    const int64_t width = whole ? wide : narrow;
    (whole ? kWide : kNarrow)[rows - 1](t);
    t.c += width;
    t.columns -= width;
    if (t.bias != nullptr) t.bias += width;
    t.lane += width;
    t.panel += t.lane / kPanel * t.panel_bytes;
    t.lane %= kPanel;
  }
}

// A panel in float32: [input][32].
template <class Block>
static inline void widen(const uint8_t* panel, int64_t inputs, float* out) {
  for (int64_t k = 0; k < inputs; k += kSide, out += kSide * kPanel)
    for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
      if constexpr (Block::kHasQuads) {
        widen_square<Block>(panel, k / kSide, lane, out + lane);
      } else {
        const uint8_t* square = panel + k * compact_sizes(Block::kType).packed;
        for (int64_t i = 0; i < kSide; ++i) store(out + i * kPanel + lane, Block::value(square, i, lane));
      }
    }
}

static inline size_t compact_scratch(int64_t inputs) { return static_cast<size_t>(inputs * kPanel); }  // floats

// C of `rows` rows and the columns from `column` (a multiple of 32) on; `whole` has b, b_step and b_panel unset and describes C at that column. In forward.cpp.
void compact_product(const CompactWeight& w, int64_t column, const Tile& whole, int64_t rows, float* scratch);

HE_ISA_END
