#include "cuda/embedding/embedding.h"

#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

emulator::Index grid(int tokens, int width) { return {static_cast<unsigned>(tokens), static_cast<unsigned>((width + cuda::kEmbedColumns - 1) / cuda::kEmbedColumns)}; }

std::vector<int> ids(int count, int low, int high, Random& random) {
  std::vector<int> r;
  for (int i = 0; i < count; ++i) r.push_back(static_cast<int>(random.integer(low, high)));
  return r;
}

TEST(CudaEmbedding, Rows_AreScaledClampedAndAdded) {
  Random random;
  SCOPED_TRACE(random.seed());
  constexpr int kVocabulary = 6, kTokens = 9;
  for (const int width : {1, 31, 64, 520}) {
    SCOPED_TRACE(width);
    const int stride = (width + 7) / 8 * 8;
    std::vector<float> table = random.normals(kVocabulary * stride);
    for (int o = 0; o < kVocabulary; ++o)
      for (int i = width; i < stride; ++i) table[o * stride + i] = 0;
    const std::vector<int> tokens = ids(kTokens, -3, kVocabulary + 3, random);
    const std::vector<float> old = random.normals(kTokens * width);
    const DeviceArray<float> t(table), fresh(static_cast<size_t>(kTokens) * width), added(old);
    const DeviceArray<int> device_ids(tokens);
    cuda::EmbedArguments a = {in(device_ids), {{reinterpret_cast<const cuda::Word*>(t.data())}, {}, {}, stride, 0}, out(fresh), width, kVocabulary, width, 1, 0, 1.5f};
    emulator::launch("embed", cuda::embed_f32, grid(kTokens, width), cuda::kEmbedThreads, 0, a);
    a.y = out(added), a.accumulate = 1;
    emulator::launch("embed", cuda::embed_f32, grid(kTokens, width), cuda::kEmbedThreads, 0, a);
    std::vector<float> expected, sums;
    for (int token = 0; token < kTokens; ++token)
      for (int i = 0; i < width; ++i) {
        expected.push_back(1.5f * table[std::clamp(tokens[token] + 1, 0, kVocabulary - 1) * stride + i]);
        sums.push_back(expected.back() + old[token * width + i]);
      }
    EXPECT_TRUE(same_bits(expected, fresh.values()));
    EXPECT_TRUE(same_bits(sums, added.values()));
  }
}

TEST(CudaEmbedding, CompactTableWithoutIds_IsUnpacked) {
  Random random;
  SCOPED_TRACE(random.seed());
  std::vector<uint32_t> data;
  std::vector<float> expected;
  const std::vector<uint16_t> scales = {0x3c00, 0x3800, 0xbc00, 0x2c00}, minima = {0x3c00, 0xc000, 0, 0x3400};  // 1, 0.5, -1, 0.0625; 1, -2, 0, 0.25
  for (int b = 0; b < 4; ++b) {
    std::vector<uint8_t> bytes;
    for (int i = 0; i < 16; ++i) bytes.push_back(static_cast<uint8_t>(random.integer(0, 255)));
    for (int i = 0; i < 32; ++i)
      expected.push_back(emulator::widen_half(scales[b]) * static_cast<float>(i < 16 ? bytes[i] & 15 : bytes[i - 16] >> 4) + emulator::widen_half(minima[b]));
    for (int i = 0; i < 16; i += 4) data.push_back(static_cast<uint32_t>(bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16) | static_cast<uint32_t>(bytes[i + 3]) << 24);
  }
  const DeviceArray<uint32_t> d(data);
  const DeviceArray<uint16_t> s(scales), m(minima);
  const DeviceArray<float> y(expected.size());
  const cuda::EmbedArguments a = {{}, {{reinterpret_cast<const cuda::Word*>(d.data())}, in(s), in(m), 8, 2}, out(y), 64, 2, 64, 0, 0, 1.0f};
  emulator::launch("unpack", cuda::embed_q4_1, grid(2, 64), cuda::kEmbedThreads, 0, a);
  EXPECT_TRUE(same_bits(expected, y.values()));
}

TEST(CudaEmbedding, GatherThenScatter_MovesAndAddsInOrder) {
  Random random;
  SCOPED_TRACE(random.seed());
  constexpr int kRows = 5, kCount = 75;
  for (const int width : {3, 516}) {
    SCOPED_TRACE(width);
    const std::vector<int> rows = ids(kCount, -1, kRows, random);
    const std::vector<float> x = random.normals(kRows * width), dy = random.normals(kCount * width), old = random.normals(kRows * width);
    std::vector<float> gathered, sums = old;
    for (int i = 0; i < kCount; ++i) {
      const int row = std::clamp(rows[i], 0, kRows - 1);
      for (int c = 0; c < width; ++c) {
        gathered.push_back(x[row * width + c]);
        sums[row * width + c] += 0.75f * dy[i * width + c];
      }
    }
    const DeviceArray<int> device_rows(rows);
    const DeviceArray<float> dx(x), ddy(dy), y(gathered.size());
    emulator::launch("gather", cuda::gather_rows_f32, grid(kCount, width), cuda::kEmbedThreads, 0, cuda::RowsArguments{in(dx), in(device_rows), out(y), width, width, kCount, kRows, width, 0, 1.0f});
    EXPECT_TRUE(same_bits(gathered, y.values()));
    for (const Options& options : orders(random.seed())) {
      const DeviceArray<float> sum(old);
      emulator::launch("scatter", cuda::scatter_add_rows_f32, grid(kCount, width), cuda::kEmbedThreads, 0,
                       cuda::RowsArguments{in(ddy), in(device_rows), out(sum), width, width, kCount, kRows, width, 0, 0.75f}, options);
      EXPECT_TRUE(same_bits(sums, sum.values()));
    }
  }
}

}  // namespace
}  // namespace he
