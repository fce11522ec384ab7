#include "cuda/activation/activation.h"

#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

double cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double logistic(double x) { return 1 / (1 + std::exp(-x)); }

double value(int kind, double x) {
  if (kind == 0) return std::isnan(x) ? x : std::max(x, 0.0);
  if (kind == 1) return x * logistic(x);
  if (kind == 2) return x * cdf(x);
  return x * logistic(2 * std::sqrt(2 / M_PI) * (x + static_cast<double>(0.044715f) * x * x * x));
}

double slope(int kind, double x) {
  if (kind == 0) return std::isnan(x) ? x : x > 0 ? 1 : 0;
  if (kind == 1) return logistic(x) * (1 + x * (1 - logistic(x)));
  if (kind == 2) return cdf(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
  const double c = static_cast<double>(0.044715f), root = 2 * std::sqrt(2 / M_PI), s = logistic(root * (x + c * x * x * x));
  return s + x * s * (1 - s) * root * (1 + 3 * c * x * x);
}

struct Case {
  int rows, width;
};
const Case kCases[] = {{3, 17}, {1, 2052}, {2, 1}, {2, 256}};

emulator::Index grid(const Case& c) { return {static_cast<unsigned>((c.width + cuda::kElementsOfBlock - 1) / cuda::kElementsOfBlock), static_cast<unsigned>(c.rows)}; }

std::vector<float> inputs(int64_t n, Random& random) {
  std::vector<float> x = random.normals(n, 3);
  const float special[] = {0.0f, 1e-40f, -1e-7f, 5.5f, -9.0f, 20.0f, -20.0f, NAN};
  for (size_t i = 0; i < x.size(); i += 5) x[i] = special[i / 5 % 8];
  return x;
}

TEST(CudaActivation, EveryKindAndGate_AgreesWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : kCases)
    for (int kind = 0; kind < 4; ++kind) {
      SCOPED_TRACE(c.width * 10 + kind);
      const int64_t n = static_cast<int64_t>(c.rows) * c.width;
      const std::vector<float> x = inputs(n, random), up = random.normals(n), dy = random.normals(n);
      const DeviceArray<float> dx(x), dup(up), ddy(dy), y(x.size()), dx_out(x.size()), gated(x.size()), d_gate(x.size()), d_up(x.size());
      cuda::ActivationArguments a = {in(dx), in(dup), in(ddy), out(y), out(d_up), c.width, c.width, c.width, c.width, c.width, c.width, kind};
      emulator::launch("activate", cuda::activate_f32, grid(c), cuda::kElementThreads, 0, a);
      a.y = out(dx_out);
      emulator::launch("activate backward", cuda::activate_backward_f32, grid(c), cuda::kElementThreads, 0, a);
      a.y = out(gated);
      emulator::launch("gate", cuda::gate_f32, grid(c), cuda::kElementThreads, 0, a);
      a.y = out(d_gate);
      emulator::launch("gate backward", cuda::gate_backward_f32, grid(c), cuda::kElementThreads, 0, a);
      std::vector<double> ys, dxs, gates, d_gates, d_ups;
      for (int64_t i = 0; i < n; ++i) {
        const double v = value(kind, x[i]), s = slope(kind, x[i]);
        ys.push_back(v), dxs.push_back(dy[i] * s), gates.push_back(v * up[i]), d_gates.push_back(static_cast<double>(dy[i]) * up[i] * s), d_ups.push_back(dy[i] * v);
      }
      EXPECT_TRUE(near(ys, y.values(), 2e-6, 2e-6));
      EXPECT_TRUE(near(dxs, dx_out.values(), 1e-5, 1e-5));
      EXPECT_TRUE(near(gates, gated.values(), 2e-6, 1e-5));
      EXPECT_TRUE(near(d_gates, d_gate.values(), 1e-5, 2e-5));
      EXPECT_TRUE(near(d_ups, d_up.values(), 2e-6, 1e-5));
    }
}

TEST(CudaActivation, InPlace_SameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Case c = {2, 37};
  const std::vector<float> g = random.normals(74), up = random.normals(74), dy = random.normals(74);
  const DeviceArray<float> gate(g), ups(up), d(dy), d_gate(74), d_up(74), over_gate(g), over_up(up);
  cuda::ActivationArguments a = {in(gate), in(ups), in(d), out(d_gate), out(d_up), 37, 37, 37, 37, 37, 37, 1};
  emulator::launch("apart", cuda::gate_backward_f32, grid(c), cuda::kElementThreads, 0, a);
  a.x = in(over_gate), a.up = in(over_up), a.y = out(over_gate), a.d_up = out(over_up);
  emulator::launch("in place", cuda::gate_backward_f32, grid(c), cuda::kElementThreads, 0, a);
  EXPECT_TRUE(same_bits(d_gate.values(), over_gate.values()));
  EXPECT_TRUE(same_bits(d_up.values(), over_up.values()));
}

TEST(CudaScale, AxpbyAndColumns_AreTheirFormulas) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Case& c : kCases) {
    const int64_t n = static_cast<int64_t>(c.rows) * c.width;
    const std::vector<float> x = random.normals(n), old = random.normals(n), scale = random.normals(c.width), offset = random.normals(c.width);
    const DeviceArray<float> dx(x), y(old), fresh(x.size()), columns(x.size()), ds(scale), doff(offset);
    cuda::ScaleArguments a = {in(dx), in(ds), in(doff), out(y), c.width, c.width, c.width, 0.3f, -2.0f};
    emulator::launch("axpby", cuda::axpby_f32, grid(c), cuda::kElementThreads, 0, a);
    a.y = out(columns);
    emulator::launch("columns", cuda::scale_columns_f32, grid(c), cuda::kElementThreads, 0, a);
    a.y = out(fresh), a.beta = 0;
    emulator::launch("scaled", cuda::axpby_f32, grid(c), cuda::kElementThreads, 0, a);
    std::vector<float> sums, scaled, of_columns;
    for (int64_t i = 0; i < n; ++i) {
      sums.push_back(std::fma(0.3f, x[i], -2.0f * old[i])), scaled.push_back(0.3f * x[i]);
      of_columns.push_back(std::fma(scale[i % c.width], x[i], offset[i % c.width]));
    }
    EXPECT_TRUE(same_bits(sums, y.values()));
    EXPECT_TRUE(same_bits(scaled, fresh.values()));
    EXPECT_TRUE(same_bits(of_columns, columns.values()));
  }
}

}  // namespace
}  // namespace he
