// Packed weights for the native tests.
#pragma once
#include "hybridengine/he.h"
#include "tests/testing.h"

namespace he::testing {

inline std::vector<float> pack(he_context* c, const std::vector<float>& w, int64_t outputs, int64_t inputs) {
  std::vector<float> packed(static_cast<size_t>(he_linear_packed_length(outputs, inputs)), 7.0f);
  EXPECT_EQ(he_linear_pack(c, w.data(), inputs, outputs, inputs, packed.data()), HE_OK);
  return packed;
}

inline std::vector<float> unpack(he_context* c, const std::vector<float>& packed, int64_t outputs, int64_t inputs) {
  std::vector<float> w(static_cast<size_t>(outputs * inputs));
  EXPECT_EQ(he_linear_unpack(c, packed.data(), outputs, inputs, w.data(), inputs), HE_OK);
  return w;
}

inline double at(const std::vector<float>& m, int64_t stride, int64_t r, int64_t c) { return m[static_cast<size_t>(r * stride + c)]; }

}  // namespace he::testing
