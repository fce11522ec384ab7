// dx = dy W by vdpbf16ps for few rows, turned (cpu/linear/turned.h).
//   order     of cpu/narrow/engine_dot.h over the outputs
//   operands  a piece of W, twelve inputs, is copied with the middle values of every two words changed over, which turns (input, input + 1) of two outputs into
//             (output, output + 1) of two inputs: what is broadcast. dy is rounded and packed as a weight [rows, outputs]
//   traffic   W once, its pieces through L1 or L2; dy once, its packed copy written and read; dx once
#pragma once
#include "cpu/linear/turned.h"
#include "cpu/narrow/engine_dot.h"

HE_ISA_BEGIN

static constexpr int64_t kPieceInputs = 12;
static constexpr int64_t kTurnedFloats = 2 << 20;  // 8 MiB of packed dy: inside the last-level cache of the machines that we know
static constexpr int64_t kPairsOfPanel = kNarrowPanel / 2;

struct DotTurned {
  const float* dy;
  int64_t dy_stride, rows, outputs;
  const uint16_t* w;
  int64_t inputs;
  float* dx;
  int64_t dx_stride;
  bool accumulate;
  uint32_t* packed;  // [row / 32][o / 2][row % 32], pairs of outputs

  int64_t pairs() const { return (outputs + 1) / 2; }
  static int64_t piece_floats(int64_t outputs) { return ceil_div(outputs, kNarrowPanel) * kPieceInputs * kNarrowPanel / 2; }
  static int64_t packed_floats(int64_t rows, int64_t outputs) { return ceil_div(rows, kNarrowPanel) * kNarrowPanel * ((outputs + 1) / 2); }
};

// sums [2 MP inputs][32 rows] = a piece of MP pairs of inputs, [o / 32][pair of inputs][o / 2 % 16][input % 2], times a panel of rows. Asks for what lies `ahead`,
// sixteen lines of each panel of W.
template <int MP>
static __attribute__((noinline)) void dot_turned_tile(const uint32_t* a, const uint32_t* b, int64_t pairs, const uint16_t* ahead, int64_t ahead_panel, float* sums) {
  __m512 acc[2 * MP][2];
#pragma GCC unroll 12
  for (int i = 0; i < 2 * MP; ++i) acc[i][0] = acc[i][1] = _mm512_setzero_ps();
  for (int64_t first = 0; first < pairs; first += kPairsOfPanel, a += MP * kNarrowPanel, ahead += ahead_panel) {
    const int64_t steps = least(kPairsOfPanel, pairs - first);
    const uint32_t* pair = a;
    const uint16_t* line = ahead;
#pragma GCC unroll 1
    for (int64_t j = 0; j < steps; ++j, pair += 2, b += kNarrowPanel, line += kNarrowPanel) {
      const __m512bh b0 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b)), b1 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + kLanes));
      __builtin_prefetch(line, 0, 2);
#pragma GCC unroll 12
      for (int i = 0; i < 2 * MP; ++i) {
        const __m512bh av = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(pair[i / 2 * kNarrowPanel + i % 2])));
        acc[i][0] = _mm512_dpbf16_ps(acc[i][0], av, b0);
        acc[i][1] = _mm512_dpbf16_ps(acc[i][1], av, b1);
      }
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < 2 * MP; ++i) {
    _mm512_store_ps(sums + i * kNarrowPanel, acc[i][0]);
    _mm512_store_ps(sums + i * kNarrowPanel + kLanes, acc[i][1]);
  }
}

// Pairs of outputs [first, end) of a panel of rows of dy; rows that do not exist are zeros. `first` is a multiple of 16.
static void dot_turned_pack(const DotTurned& g, int64_t panel, int64_t first, int64_t end) {
  alignas(64) float words[kLanes][kLanes];
  uint32_t* to = g.packed + panel * g.pairs() * kNarrowPanel;
  for (int64_t half = 0; half < kNarrowPanel; half += kLanes)
    for (int64_t pair = first; pair < end; pair += kLanes) {
      for (int64_t i = 0; i < kLanes; ++i) {
        const int64_t row = panel * kNarrowPanel + half + i;
        const float* from = g.dy + row * g.dy_stride + 2 * pair;
        store(words[i], row < g.rows ? V16{_mm512_castsi512_ps(row_of_pairs(from, g.outputs - 2 * pair))} : zero());
      }
      uint32_t* at = to + pair * kNarrowPanel + half;
      if (end - pair >= kLanes) {
        transpose16(words[0], kLanes, reinterpret_cast<float*>(at), kNarrowPanel);
      } else {
        alignas(64) float turned[kLanes][kLanes];
        transpose16(words[0], kLanes, turned[0], kLanes);
        for (int64_t j = 0; j < end - pair; ++j) store(reinterpret_cast<float*>(at + j * kNarrowPanel), load(turned[j]));
      }
    }
}

// Pairs of inputs [pair, pair + height) of all rows.
static void dot_turned_product(const DotTurned& g, int64_t pair, int64_t height, uint32_t* piece) {
  static constexpr void (*kTiles[])(const uint32_t*, const uint32_t*, int64_t, const uint16_t*, int64_t, float*) = {
      dot_turned_tile<1>, dot_turned_tile<2>, dot_turned_tile<3>, dot_turned_tile<4>, dot_turned_tile<5>, dot_turned_tile<6>};
  const __m512i change = _mm512_set4_epi32(0x0f0e0b0a, 0x0d0c0908, 0x07060302, 0x05040100);
  const int64_t panel = narrow_padded(g.inputs) * kNarrowPanel, words = height * kNarrowPanel;
  const uint16_t* from = g.w + pair * 2 * kNarrowPanel;
  uint32_t* to = piece;
  for (int64_t o = 0; o < g.outputs; o += kNarrowPanel, from += panel, to += words)
    for (int64_t i = 0; i < words; i += kLanes) _mm512_storeu_si512(to + i, _mm512_shuffle_epi8(_mm512_loadu_si512(from + 2 * i), change));

  const int64_t k = 2 * pair, inputs = least(2 * height, g.inputs - k);
  alignas(64) float sums[kLanes * kNarrowPanel];
  memset(sums + 2 * height * kNarrowPanel, 0, static_cast<size_t>(kLanes - 2 * height) * kNarrowPanel * sizeof(float));
  for (int64_t row = 0; row < g.rows; row += kNarrowPanel) {
    const int64_t rows = least(kNarrowPanel, g.rows - row);
    float* dx = g.dx + row * g.dx_stride + k;
    for (int64_t i = 0; i < rows; ++i) {  // where the sums go when they are done
      __builtin_prefetch(dx + i * g.dx_stride, 0, 2);
      __builtin_prefetch(dx + i * g.dx_stride + inputs - 1, 0, 2);
    }
    const uint32_t* b = g.packed + row * g.pairs();
    // The first panel of rows asks for the next piece of W, the others for nothing new.
    const bool asks = row == 0;
    kTiles[height - 1](piece, b, g.pairs(), asks ? g.w + (pair + height) * 2 * kNarrowPanel : reinterpret_cast<const uint16_t*>(b), asks ? panel : 0, sums);
    store_turned(sums, kNarrowPanel, inputs, rows, dx, g.dx_stride, g.accumulate);
  }
}

// False where rows are too many or too ragged for it.
static bool turned_input_gradient(const Resources& r, DotTurned g) {
  static constexpr int64_t kWorthSharing = 1 << 18;  // multiply-adds (about two microseconds): below, waking other threads costs more than it brings
  static constexpr int64_t kPacked = 128;            // pairs of outputs of a panel of rows that one task packs
  const int64_t packed = DotTurned::packed_floats(g.rows, g.outputs);
  if (!worth_turning(g.rows) || packed > kTurnedFloats) return false;
  r.scratch.reserve(static_cast<size_t>(DotTurned::piece_floats(g.outputs)), static_cast<size_t>(packed));
  g.packed = reinterpret_cast<uint32_t*>(r.scratch.shared());
  const int64_t stretches = ceil_div(g.pairs(), kPacked), input_pairs = ceil_div(g.inputs, 2), pieces = ceil_div(g.inputs, kPieceInputs);
  auto pack = [&](int64_t task) {
    const int64_t first = task % stretches * kPacked;
    dot_turned_pack(g, task / stretches, first, least(g.pairs(), first + kPacked));
  };
  auto multiply = [&](int64_t task, int worker) {
    const int64_t pair = block_begin(input_pairs, pieces, task);
    dot_turned_product(g, pair, block_begin(input_pairs, pieces, task + 1) - pair, reinterpret_cast<uint32_t*>(r.scratch.of(worker)));
  };
  const int64_t packs = ceil_div(g.rows, kNarrowPanel) * stretches;
  if (g.rows * g.inputs * g.outputs < kWorthSharing) {
    for (int64_t task = 0; task < packs; ++task) pack(task);
    for (int64_t task = 0; task < pieces; ++task) multiply(task, 0);
  } else {
    r.pool.parallel_for(packs, pack);
    r.pool.parallel_for(pieces, multiply);
  }
  return true;
}

HE_ISA_END
