// What the PTX of this build must be, and that the reader of the report counts right. Skipped where there is no compiler for PTX.
#include <filesystem>
#include <fstream>
#include <set>

#include "cuda/report/ptx.h"
#include "tests/testing.h"

namespace he {
namespace {

using cuda_report::Kernel;

std::vector<Kernel> built() {
  std::vector<Kernel> kernels;
  for (const auto& file : std::filesystem::directory_iterator(HE_PTX)) {
    if (file.path().extension() != ".ptx") continue;
    std::ifstream in(file.path());
    std::stringstream text;
    text << in.rdbuf();
    for (Kernel& k : cuda_report::read_ptx(text.str())) kernels.push_back(std::move(k));
  }
  return kernels;
}

// Sums that have to be float64 (docs/cuda.md); everywhere else it would be a slip, and slow on most cards.
bool may_use_float64(const std::string& name) {
  for (const char* prefix : {"squared_norm", "sum_partials", "clip_coefficient", "sampling_", "expert_load"})
    if (name.rfind(prefix, 0) == 0) return true;
  return false;
}

TEST(CudaPtx, EveryKernel_UsesNeitherLocalMemoryNorFloat64) {
  if (std::string(HE_PTX).empty()) GTEST_SKIP() << "no PTX: neither nvcc nor a clang with the NVPTX target was found";
  std::set<std::string> names;
  for (const Kernel& k : built()) {
    SCOPED_TRACE(k.name + " " + k.architecture);
    names.insert(k.name);
    EXPECT_EQ(k.local_bytes, 0) << "a loop over registers without HE_UNROLL?";
    EXPECT_GT(k.threads, 0);
    for (const auto& [operation, times] : k.operations) EXPECT_TRUE(operation.find(".f64") == std::string::npos || may_use_float64(k.name)) << operation;
    EXPECT_EQ(k.count("call"), 0);
    for (const char* access : {"ld.", "st."}) {
      int known = 0;
      for (const char* space : {"global", "shared", "param"}) known += k.count(access + std::string(space));
      EXPECT_EQ(k.count(access), known) << "an address whose space the compiler did not find";
    }
    if (k.name.rfind("attention_packed_bf16", 0) == 0) {
      EXPECT_GT(k.count("mma.sync"), 0);
      EXPECT_GT(k.count("cp.async"), 0);
    }
  }
  EXPECT_TRUE(names.contains("attention_packed_bf16_64") && names.contains("norm_f32"));
}

TEST(CudaPtx, Reader_CountsWhatIsAlive) {
  // %f1 and %f2 live through the loop, %rd1 takes two; %r1 is the counter, %f3 lives within an iteration only.
  const char* text = R"(.target sm_90
.visible .entry sum(
	.param .u64 sum_param_0
)
.maxntid 128, 1, 1
{
	.local .align 4 .b8 	__local_depot0[48];
	ld.param.u64 	%rd1, [sum_param_0];
	mov.f32 	%f1, 0f00000000;
	mov.f32 	%f2, 0f3F800000;
	mov.u32 	%r1, 0;
$L__BB0_1:
	ld.global.f32 	%f3, [%rd1];
	fma.rn.f32 	%f1, %f3, %f2, %f1;
	add.s32 	%r1, %r1, 1;
	setp.ne.s32 	%p1, %r1, 8;
	@%p1 bra 	$L__BB0_1;
	st.global.f32 	[%rd1], %f1;
	ret;
}
)";
  const std::vector<Kernel> kernels = cuda_report::read_ptx(text);
  ASSERT_EQ(kernels.size(), 1u);
  EXPECT_EQ(kernels[0].name, "sum");
  EXPECT_EQ(kernels[0].architecture, "sm_90");
  EXPECT_EQ(kernels[0].threads, 128);
  EXPECT_EQ(kernels[0].local_bytes, 48);
  EXPECT_EQ(kernels[0].live_registers, 2 + 1 + 1 + 1 + 1);
  EXPECT_EQ(kernels[0].count("fma"), 1);
  EXPECT_EQ(kernels[0].count("ld."), 2);
}

}  // namespace
}  // namespace he
