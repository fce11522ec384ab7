// Row-major W [outputs, inputs] to and from panels P[o / 32][k][o % 32].
//   traffic  8 bytes an element; a task is one panel
#include "cpu/linear/linear_isa.h"
#include "cpu/linear/transpose.h"

HE_ISA_BEGIN

void linear_pack(const Resources& r, const float* source, int64_t source_stride, int64_t outputs, int64_t inputs, float* packed) {
  r.pool.parallel_for((outputs + kPanel - 1) / kPanel, [=](int64_t p) {
    const int64_t first = p * kPanel, width = outputs - first < kPanel ? outputs - first : kPanel;
    float* panel = packed + first * inputs;
    if (width < kPanel) memset(panel, 0, static_cast<size_t>(inputs * kPanel) * sizeof(float));
    transpose(source + first * source_stride, source_stride, width, inputs, panel, kPanel);
  });
}

void linear_unpack(const Resources& r, const float* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride) {
  r.pool.parallel_for((outputs + kPanel - 1) / kPanel, [=](int64_t p) {
    const int64_t first = p * kPanel, width = outputs - first < kPanel ? outputs - first : kPanel;
    transpose(packed + first * inputs, kPanel, inputs, width, destination + first * destination_stride, destination_stride);
  });
}

HE_ISA_END
