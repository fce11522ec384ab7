#include "cuda/tests/linear_testing.h"

namespace he {
namespace {

using namespace he::testing;

// A weight on the device in some format, and its values.
struct DeviceWeight {
  DeviceArray<uint32_t> data;
  DeviceArray<uint16_t> scales, minima;
  std::vector<float> values;
  cuda::Weights weights;
};

struct Kernels {
  const char* format;
  void (*tile)(cuda::Float32ForwardArguments);
  void (*one)(cuda::Float32ForwardArguments);
  void (*eight)(cuda::Float32ForwardArguments);
};

#define HE_KERNELS_OF(NAME, FORMAT) {#NAME, cuda::product_f32_forward_##NAME##_64, cuda::product_f32_few_rows_##NAME##_1, cuda::product_f32_few_rows_##NAME##_8},
const Kernels kForward[] = {HE_WEIGHT_FORMATS(HE_KERNELS_OF)};

std::vector<uint32_t> words(const std::vector<uint16_t>& x) {
  std::vector<uint32_t> r(x.size() / 2);
  std::memcpy(r.data(), x.data(), r.size() * 4);
  return r;
}

// A float16 between 1/64 and 1/16, or its negative.
uint16_t scale(Random& random) { return static_cast<uint16_t>(random.integer(0x2400, 0x2c00) | random.integer(0, 1) << 15); }

// Padding is zeros; blocks are random bytes.
DeviceWeight make(const std::string& format, int outputs, int inputs, Random& random) {
  const int stride = (inputs + 7) / 8 * 8, blocks = inputs / 32;
  std::vector<float> values;
  if (format == "f32" || format == "bf16" || format == "f16") {
    std::vector<uint32_t> whole(static_cast<size_t>(outputs) * stride, 0);
    std::vector<uint16_t> half(whole.size(), 0);
    for (int o = 0; o < outputs; ++o)
      for (int i = 0; i < inputs; ++i) {
        const size_t at = static_cast<size_t>(o) * stride + i;
        float v = random.normal();
        if (format == "bf16") half[at] = emulator::round_bf16(v), v = cuda::widen(bf16{half[at]});
        if (format == "f16") half[at] = static_cast<uint16_t>(random.integer(0x2000, 0x4000)), v = emulator::widen_half(half[at]);
        if (format == "f32") std::memcpy(&whole[at], &v, 4);
        values.push_back(v);
      }
    if (format != "f32") whole = words(half);
    DeviceWeight w = {whole, DeviceArray<uint16_t>(0), DeviceArray<uint16_t>(0), values, {}};
    w.weights = {{reinterpret_cast<const cuda::Word*>(w.data.data())}, {}, {}, format == "f32" ? stride : stride / 2, 0};
    return w;
  }
  const int bytes = format == "q8" ? 32 : 16;
  std::vector<uint16_t> data, scales, minima;
  for (int o = 0; o < outputs; ++o)
    for (int b = 0; b < blocks; ++b) {
      scales.push_back(scale(random)), minima.push_back(scale(random));
      const float d = emulator::widen_half(scales.back()), m = emulator::widen_half(minima.back());
      std::vector<uint8_t> raw(bytes);
      for (uint8_t& v : raw) v = static_cast<uint8_t>(random.integer(0, 255));
      for (int i = 0; i < 32; ++i) {
        const int u = bytes == 32 ? raw[i] : i < 16 ? raw[i] & 15 : raw[i - 16] >> 4;
        values.push_back(format == "q8" ? static_cast<float>(u - 128) * d : format == "q4" ? static_cast<float>(u - 8) * d : std::fma(static_cast<float>(u), d, m));
      }
      for (int i = 0; i < bytes; i += 2) data.push_back(static_cast<uint16_t>(raw[i] | raw[i + 1] << 8));
    }
  DeviceWeight w = {words(data), scales, minima, values, {}};
  w.weights = {{reinterpret_cast<const cuda::Word*>(w.data.data())}, in(w.scales), in(w.minima), inputs / 32 * bytes / 4, blocks};
  return w;
}

std::vector<float> run(void (*kernel)(cuda::Float32ForwardArguments), int rows_of_block, const Sizes& s, const std::vector<float>& x, const DeviceWeight& w, const Extras& extras = {},
                       const Options& options = {}) {
  const DeviceArray<float> a(x);
  const Results y(s, extras);
  const cuda::Float32ForwardArguments p = {in(a), w.weights, s.inner, y.result, s.inner};
  if (rows_of_block >= 64) {
    emulator::launch("product", kernel, tiles(s, rows_of_block, rows_of_block), cuda::kF32Threads, cuda::product_f32_shared(rows_of_block), p, options);
  } else {
    const emulator::Index grid = {static_cast<unsigned>((s.columns + cuda::kFewRowsColumns - 1) / cuda::kFewRowsColumns), static_cast<unsigned>((s.rows + rows_of_block - 1) / rows_of_block)};
    emulator::launch("few rows", kernel, grid, cuda::kFewRowsF32Threads, cuda::few_rows_f32_shared(rows_of_block), p, options);
  }
  return y.y.values();
}

Operand rows_of(std::vector<float> x, int inner) {
  return [x = std::move(x), inner](int o, int i) { return x[o * inner + i]; };
}

TEST(CudaProductF32, Forward_EveryFormatTileAndFewRows_FollowsTheDocumentedOrder) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const Kernels& k : kForward) {
    SCOPED_TRACE(k.format);
    const bool whole = std::string(k.format).find('q') == std::string::npos;
    for (const Sizes& s : {Sizes{3, 5, whole ? 45 : 64}, Sizes{9, 70, 288}, Sizes{1, 1, whole ? 1 : 32}, Sizes{2, 17, 2400}}) {
      SCOPED_TRACE(s.inner);
      const DeviceWeight w = make(k.format, s.columns, s.inner, random);
      const std::vector<float> x = random.normals(static_cast<int64_t>(s.rows) * s.inner);
      const Extras extras = {random.normals(s.columns), random.normals(static_cast<int64_t>(s.rows) * s.columns)};
      const Operand a = rows_of(x, s.inner), b = rows_of(w.values, s.inner);
      const std::vector<float> expected = in_order(s, a, b, extras);
      EXPECT_TRUE(near_product(s, a, b, in_order(s, a, b)));
      EXPECT_TRUE(same_bits(expected, run(k.tile, 64, s, x, w, extras)));
      EXPECT_TRUE(same_bits(expected, run(k.one, 1, s, x, w, extras)));
      EXPECT_TRUE(same_bits(expected, run(k.eight, 8, s, x, w, extras)));
      if (std::string(k.format) == "f32") { EXPECT_TRUE(same_bits(expected, run(cuda::product_f32_forward_f32_128, 128, s, x, w, extras))); }
    }
  }
}

TEST(CudaProductF32, Backward_EveryTile_FollowsTheDocumentedOrder) {
  Random random;
  SCOPED_TRACE(random.seed());
  struct Backward {
    void (*kernel)(cuda::ProductArguments<float>);
    int tile;
    bool a_in_rows;
  };
  const Backward kernels[] = {{cuda::product_f32_input_64, 64, true}, {cuda::product_f32_input_128, 128, true}, {cuda::product_f32_weight_64, 64, false}, {cuda::product_f32_weight_128, 128, false}};
  for (const Sizes& s : {Sizes{1, 1, 1}, Sizes{67, 130, 37}, Sizes{6, 12, 300}, Sizes{130, 4, 16}})
    for (const Backward& k : kernels) {
      SCOPED_TRACE(s.inner * 1000 + k.tile);
      const std::vector<float> a = random.normals(static_cast<int64_t>(s.rows) * s.inner), b = random.normals(static_cast<int64_t>(s.columns) * s.inner);
      const Operand left = k.a_in_rows ? rows_of(a, s.inner) : Operand([&](int o, int i) { return a[i * s.rows + o]; }), right = [&](int o, int i) { return b[i * s.columns + o]; };
      const Extras extras = {{}, random.normals(static_cast<int64_t>(s.rows) * s.columns)};
      const DeviceArray<float> da(a), db(b);
      const Results y(s, extras);
      const cuda::ProductArguments<float> p = {in(da), in(db), k.a_in_rows ? s.inner : s.rows, s.columns, y.result, s.inner};
      emulator::launch("product", k.kernel, tiles(s, k.tile, k.tile), cuda::kF32Threads, cuda::product_f32_shared(k.tile), p);
      EXPECT_TRUE(same_bits(in_order(s, left, right, extras), y.y.values()));
    }
}

TEST(CudaProductF32, AnyOrderOfThreads_SameBits) {
  Random random;
  SCOPED_TRACE(random.seed());
  const Sizes s = {5, 20, 576};
  for (const Kernels& k : kForward) {
    SCOPED_TRACE(k.format);
    const DeviceWeight w = make(k.format, s.columns, s.inner, random);
    const std::vector<float> x = random.normals(static_cast<int64_t>(s.rows) * s.inner), expected = in_order(s, rows_of(x, s.inner), rows_of(w.values, s.inner));
    for (const Options& options : orders(random.seed())) {
      EXPECT_TRUE(same_bits(expected, run(k.tile, 64, s, x, w, {}, options)));
      EXPECT_TRUE(same_bits(expected, run(k.eight, 8, s, x, w, {}, options)));
    }
  }
}

}  // namespace
}  // namespace he
