#include "cuda/linear/storage.h"

#include "cuda/tests/cuda_testing.h"

namespace he {
namespace {

using namespace he::testing;

emulator::Index grid(int rows, int width) { return {static_cast<unsigned>(rows), static_cast<unsigned>((width + cuda::kStorageColumns - 1) / cuda::kStorageColumns)}; }

TEST(CudaStorage, Operand_IsRoundedAndFilledWithZeros) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const int width : {1, 7, 8, 70, 516}) {
    const int stride = (width + 7) / 8 * 8;
    const std::vector<float> x = random.normals(3 * width);
    std::vector<float> expected;
    for (int r = 0; r < 3; ++r)
      for (int i = 0; i < stride; ++i) expected.push_back(i < width ? cuda::widen(bf16{emulator::round_bf16(x[r * width + i])}) : 0.0f);
    const DeviceArray<float> from(x);
    const DeviceArray<bf16> to(expected.size());
    emulator::launch("operand", cuda::narrow_operand_bf16, grid(3, stride), cuda::kStorageThreads, 0, cuda::OperandArguments{in(from), out(to), width, stride, width});
    EXPECT_TRUE(same_bits(expected, floats(to.values())));
  }
}

TEST(CudaStorage, MergedLora_IsTheDocumentedChain) {
  Random random;
  SCOPED_TRACE(random.seed());
  constexpr int kOutputs = 5, kRank = 3;
  for (const int inputs : {9, 520}) {
    const int stride = (inputs + 7) / 8 * 8;
    std::vector<float> w = random.normals(kOutputs * stride), expected = w;
    const std::vector<float> a = random.normals(kRank * inputs), b = random.normals(kOutputs * kRank);
    for (int o = 0; o < kOutputs; ++o)
      for (int i = 0; i < inputs; ++i) {
        float t = 0;
        for (int r = 0; r < kRank; ++r) t = std::fma(b[o * kRank + r], a[r * inputs + i], t);
        expected[o * stride + i] = std::fma(0.25f, t, w[o * stride + i]);
      }
    const DeviceArray<float> dw(w), da(a), db(b);
    emulator::launch("lora", cuda::merge_lora_f32, grid(kOutputs, inputs), cuda::kStorageThreads, 0,
                     cuda::MergeLoraArguments{in(dw), in(da), in(db), out(dw), stride, inputs, kRank, inputs, kRank, 0.25f});
    EXPECT_TRUE(same_bits(expected, dw.values()));
  }
}

TEST(CudaStorage, PackedBlocks_AreSortedIntoPlanes) {
  Random random;
  SCOPED_TRACE(random.seed());
  struct Type {
    void (*kernel)(cuda::PackBlocksArguments);
    int halves, words;
    uint16_t flip;
  };
  constexpr int kBlocks = 131;
  for (const Type& t : {Type{cuda::pack_blocks_q8, 1, 16, 0x8080}, Type{cuda::pack_blocks_q4, 1, 8, 0}, Type{cuda::pack_blocks_q4_1, 2, 8, 0}}) {
    std::vector<uint16_t> file, data, scales, minima;
    for (int b = 0; b < kBlocks; ++b)
      for (int i = 0; i < t.halves + t.words; ++i) {
        file.push_back(static_cast<uint16_t>(random.integer(0, 0xffff)));
        if (i == 0) scales.push_back(file.back());
        else if (i < t.halves) minima.push_back(file.back());
        else data.push_back(file.back() ^ t.flip);
      }
    const DeviceArray<uint16_t> from(file), d(data.size()), s(scales.size()), m(minima.size());
    emulator::launch("pack", t.kernel, {(kBlocks + cuda::kStorageThreads - 1) / cuda::kStorageThreads}, cuda::kStorageThreads, 0, cuda::PackBlocksArguments{in(from), out(d), out(s), out(m), kBlocks});
    EXPECT_TRUE(same_bits(data, d.values()));
    EXPECT_TRUE(same_bits(scales, s.values()));
    EXPECT_TRUE(same_bits(minima, m.values()));
  }
}

}  // namespace
}  // namespace he
