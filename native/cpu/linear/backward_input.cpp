// dx = dy W, in two ways with the same order of sums:
//   few rows   turned, dx^T = W^T dy^T (cpu/linear/turned.h)
//   many rows  the forward product with W transposed on the fly, a group of 32-wide column blocks at a time
//   shapes     dy [rows, outputs], W in panels of 32 outputs, dx [rows, inputs]
//   traffic    few rows: dy once, its packed copy written and read, W once. Many: W once, its transpose written to scratch that fits the last-level cache and
//              read; then as forward.cpp
//   order      of cpu/linear/tile.h over the outputs
//   work       2 rows inputs outputs operations, and one shuffle for every four elements of what is packed or transposed
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/product.h"
#include "cpu/linear/turned.h"

HE_ISA_BEGIN

static constexpr int64_t kScratchFloats = 2 << 20;  // 8 MiB: inside the last-level cache of the machines that we know
static constexpr int64_t kWorthSharing = 1 << 17;   // multiply-adds (about two microseconds): below, waking other threads costs more than it brings
static constexpr int64_t kPanelsAtOnce = 8;         // of W that one task transposes
static constexpr int64_t kPackedAtOnce = 256;       // outputs of a panel of rows that one task packs

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// A chunk of the sum with the weight broadcast: a runs through panels of 32 outputs, a[i, o] = w[o / 32][k + i][o % 32].
struct WeightRows {
  struct Operands : Tile {
    int64_t a_panel;  // elements of a from one panel to the next
  };
  template <int MR, int NV>
  static inline __attribute__((always_inline)) void chunk(const Operands& t, int64_t r, int64_t n, V16 (&acc)[MR][NV]) {
    const float* a = t.a + r / kPanel * t.a_panel;
    const float* b = t.b + r * kPanel;
    const bool asks = t.ahead != nullptr;
    const float* ahead = asks ? t.ahead + r / kPanel * t.a_panel : b;
    const int64_t ahead_panel = asks ? t.a_panel : 0, ahead_step = asks ? kLanes : 0;
#pragma GCC unroll 12
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[i][v] = zero();
    for (int64_t first = 0; first < n; first += kPanel, a += t.a_panel, ahead += ahead_panel) {
      const int64_t steps = n - first < kPanel ? n - first : kPanel;
      const float* line = ahead;
#pragma GCC unroll 1
      for (int64_t o = 0; o < steps; ++o, b += kPanel, line += ahead_step) {
        V16 bv[NV];
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) bv[v] = load(b + v * kLanes);
        __builtin_prefetch(line, 0, 2);
#pragma GCC unroll 12
        for (int i = 0; i < MR; ++i) {
          const V16 av = splat(a[i * kPanel + o]);
#pragma GCC unroll 8
          for (int v = 0; v < NV; ++v) acc[i][v] = fma(av, bv[v], acc[i][v]);
        }
      }
    }
  }
};

template <int MR>
static constexpr auto turned_tile = tile<MR, kTileVectors, WeightRows>;
static constexpr void (*kTurnedTiles[])(const WeightRows::Operands&) = {
    turned_tile<1>, turned_tile<2>, turned_tile<3>, turned_tile<4>,
#if defined(__AVX2__)
    turned_tile<5>, turned_tile<6>,
#endif
#if defined(__AVX512F__)
    turned_tile<7>, turned_tile<8>, turned_tile<9>, turned_tile<10>, turned_tile<11>, turned_tile<12>,
#endif
};
static_assert(sizeof kTurnedTiles / sizeof *kTurnedTiles == kTileRows);

void linear_transpose(const Resources& r, const float* w, int64_t outputs, int64_t inputs, int64_t k0, int64_t columns, float* transposed) {
  // Tasks write one stretch of one panel each, and ask for the square of W after the one that they turn: squares lie far apart.
  const int64_t panels = ceil_div(outputs, kPanel), groups = ceil_div(panels, kPanelsAtOnce);
  r.pool.parallel_for(ceil_div(columns, kPanel) * groups, [=](int64_t task) {
    const int64_t k = task / groups * kPanel, width = least(kPanel, columns - k), end = least(panels, (task % groups + 1) * kPanelsAtOnce);
    const float* square = w + (k0 + k) * kPanel;
    for (int64_t p = task % groups * kPanelsAtOnce; p < end; ++p) {
      const int64_t o = p * kPanel, height = least(kPanel, outputs - o);
      const float* from = square + o * inputs;
      float* to = transposed + k * outputs + o * kPanel;
      for (int64_t i = 0; i < width * kPanel; i += kLanes) __builtin_prefetch(from + kPanel * inputs + i, 0, 2);
      // Columns that do not exist are computed with and not stored: they must hold numbers.
      if (width < kPanel) memset(to, 0, static_cast<size_t>(height * kPanel) * sizeof(float));
      transpose(from, kPanel, width, height, to, kPanel);
    }
  });
}

namespace {

struct InputGradient {
  const float* dy;
  int64_t dy_stride, rows, outputs;
  const float* w;
  int64_t inputs;
  float* dx;
  int64_t dx_stride;
  bool accumulate;
};

// Some outputs of one panel of rows of dy as a weight [rows, outputs] has them; rows that do not exist are zeros.
void pack(const InputGradient& g, int64_t panel, int64_t o, int64_t outputs, float* packed) {
  const int64_t row = panel * kPanel, height = least(kPanel, g.rows - row);
  float* to = packed + (panel * g.outputs + o) * kPanel;
  if (height < kPanel) memset(to, 0, static_cast<size_t>(outputs * kPanel) * sizeof(float));
  transpose(g.dy + row * g.dy_stride + o, g.dy_stride, height, outputs, to, kPanel);
}

// Inputs [k, k + height) of all rows.
void multiply(const InputGradient& g, int64_t k, int64_t height, const float* packed) {
  alignas(64) float sums[kLanes * kPanel];  // [input][row]
  memset(sums + height * kPanel, 0, static_cast<size_t>(kLanes - height) * kPanel * sizeof(float));
  WeightRows::Operands t{};
  t.a = g.w + k * kPanel;
  t.a_panel = g.inputs * kPanel;
  t.n = g.outputs;
  t.c_row = kPanel;
  for (int64_t row = 0; row < g.rows; row += kPanel) {
    const int64_t rows = least(kPanel, g.rows - row);
    float* dx = g.dx + row * g.dx_stride + k;
    for (int64_t i = 0; i < rows; ++i) {  // where the sums go when they are done
      __builtin_prefetch(dx + i * g.dx_stride, 0, 2);
      __builtin_prefetch(dx + i * g.dx_stride + height - 1, 0, 2);
    }
    t.ahead = row == 0 ? t.a + height * kPanel : nullptr;  // the weights of the inputs after these
    for (int64_t column = 0; column < rows; column += kLanes * kTileVectors) {
      t.b = packed + row * g.outputs + column;
      t.c = sums + column;
      t.columns = kPanel - column;
      kTurnedTiles[height - 1](t);
    }
    store_turned(sums, kPanel, height, rows, dx, g.dx_stride, g.accumulate);
  }
}

}  // namespace

// Few rows: the weight is read as it lies, dy is packed.
static void turned_product(const Resources& r, const InputGradient& g) {
  const int64_t panels = ceil_div(g.rows, kPanel), pieces = ceil_div(g.outputs, kPackedAtOnce), blocks = ceil_div(g.inputs, kTileRows);
  r.scratch.reserve(0, static_cast<size_t>(panels * kPanel * g.outputs));
  float* packed = r.scratch.shared();
  auto pack_one = [&](int64_t task) {
    const int64_t o = task % pieces * kPackedAtOnce;
    pack(g, task / pieces, o, least(kPackedAtOnce, g.outputs - o), packed);
  };
  auto multiply_one = [&](int64_t block) {
    const int64_t k = block * g.inputs / blocks;
    multiply(g, k, (block + 1) * g.inputs / blocks - k, packed);
  };
  if (g.rows * g.inputs * g.outputs < kWorthSharing) {
    for (int64_t task = 0; task < panels * pieces; ++task) pack_one(task);
    for (int64_t block = 0; block < blocks; ++block) multiply_one(block);
    return;
  }
  r.pool.parallel_for(panels * pieces, pack_one);
  r.pool.parallel_for(blocks, multiply_one);
}

// Many rows: W is transposed, a group of 32-wide column blocks at a time, and goes through the forward product.
static void transposed_product(const Resources& r, const InputGradient& g) {
  const int64_t block = g.outputs * kPanel;
  int64_t group = block > 0 ? kScratchFloats / block * kPanel : g.inputs;  // columns transposed at a time
  if (group < kPanel) group = kPanel;
  r.scratch.reserve(0, static_cast<size_t>(ceil_div(least(g.inputs, group), kPanel) * block));
  float* transposed = r.scratch.shared();
  for (int64_t k0 = 0; k0 < g.inputs; k0 += group) {
    const int64_t columns = least(group, g.inputs - k0);
    linear_transpose(r, g.w, g.outputs, g.inputs, k0, columns, transposed);
    linear_forward(r, g.dy, g.dy_stride, g.rows, g.outputs, transposed, columns, nullptr, g.dx + k0, g.dx_stride, g.accumulate);
  }
}

void linear_backward_input(const Resources& r, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const float* w, int64_t inputs, float* dx,
                           int64_t dx_stride, bool accumulate) {
  if (rows <= 0 || inputs <= 0) return;
  const InputGradient g{dy, dy_stride, rows, outputs, w, inputs, dx, dx_stride, accumulate};
  if (worth_turning(rows) && ceil_div(rows, kPanel) * kPanel * outputs <= kScratchFloats) {
    turned_product(r, g);
  } else {
    transposed_product(r, g);
  }
}

HE_ISA_END
