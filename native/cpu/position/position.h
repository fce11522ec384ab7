// Position family: rotary positions.
#pragma once
#include <cstdint>

namespace he::cpu {

struct Rotary {
  float* x;  // [tokens, heads, head size], rotated in place
  int64_t token_stride, head_stride, heads;
  const int32_t* positions;  // [tokens]
  const float* table;        // [table_rows, rotary]: cosines, then sines
  int64_t table_stride, table_rows;
  int64_t rotary;    // elements rotated, even
  bool interleaved;  // pairs (2i, 2i+1), else (i, i + rotary/2)
  bool inverse;      // by the negative angle
};

struct PositionKernels {
  void (*rotary)(const Rotary&, int64_t token_begin, int64_t token_end);
};

}  // namespace he::cpu
