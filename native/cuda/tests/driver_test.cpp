// The driver over the emulator, through its exported names alone.
#include "cuda/driver/api.h"
#include "cuda/norm/norm.h"
#include "cuda/tests/cuda_testing.h"

extern "C" {
int cuInit(unsigned);
int cuDevicePrimaryCtxRetain(void**, int);
int cuCtxSetCurrent(void*);
int cuGetErrorString(int, const char**);
int cuMemAlloc_v2(uint64_t*, size_t);
int cuMemFree_v2(uint64_t);
int cuMemHostAlloc(void**, size_t, unsigned);
int cuMemFreeHost(void*);
int cuMemcpyHtoDAsync_v2(uint64_t, const void*, size_t, void*);
int cuMemcpyDtoHAsync_v2(void*, uint64_t, size_t, void*);
int cuMemsetD8Async(uint64_t, unsigned char, size_t, void*);
int cuModuleLoadDataEx(void**, const void*, unsigned, int*, void**);
int cuModuleUnload(void*);
int cuModuleGetFunction(void**, void*, const char*);
int cuFuncSetAttribute(void*, int, int);
int cuLaunchKernel(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**);
int cuStreamCreate(void**, unsigned);
int cuStreamDestroy_v2(void*);
int cuStreamSynchronize(void*);
int cuStreamBeginCapture_v2(void*, int);
int cuStreamEndCapture(void*, void**);
int cuGraphInstantiateWithFlags(void**, void*, unsigned long long);
int cuGraphLaunch(void*, void*);
int cuGraphDestroy(void*);
int cuGraphExecDestroy(void*);
int cuEventCreate(void**, unsigned);
int cuEventRecord(void*, void*);
int cuEventQuery(void*);
int cuEventDestroy_v2(void*);
}

namespace he {
namespace {

using namespace he::testing;
using namespace he::driver;

// A device with the kernel norm_f32, one row of four ones in page-locked memory, and room for it.
class CudaDriver : public ::testing::Test {
 protected:
  static constexpr int kWidth = 4;
  static constexpr size_t kBytes = kWidth * sizeof(float);

  void SetUp() override {
    void* context = nullptr;
    ASSERT_EQ(kSuccess, cuInit(0));
    ASSERT_EQ(kSuccess, cuDevicePrimaryCtxRetain(&context, 0));
    ASSERT_EQ(kSuccess, cuCtxSetCurrent(context));
    ASSERT_EQ(kSuccess, cuStreamCreate(&stream_, 1));
    ASSERT_EQ(kSuccess, cuModuleLoadDataEx(&module_, "", 0, nullptr, nullptr));
    ASSERT_EQ(kSuccess, cuModuleGetFunction(&norm_, module_, "norm_f32"));
    void* host = nullptr;
    ASSERT_EQ(kSuccess, cuMemHostAlloc(&host, kBytes, 0));
    host_ = static_cast<float*>(host);
    for (int i = 0; i < kWidth; ++i) host_[i] = 1.0f;
    for (uint64_t* p : {&x_, &weight_, &y_}) ASSERT_EQ(kSuccess, cuMemAlloc_v2(p, kBytes));
  }

  void TearDown() override {
    cuStreamDestroy_v2(stream_);
    cuModuleUnload(module_);
    for (const uint64_t p : {x_, weight_, y_}) cuMemFree_v2(p);
    cuMemFreeHost(host_);
  }

  int upload(uint64_t to) { return cuMemcpyHtoDAsync_v2(to, host_, kBytes, stream_); }

  int launch(unsigned threads = cuda::kNormThreads, size_t size = sizeof(cuda::NormArguments<float>), unsigned rows = 1, unsigned shared = cuda::kNormShared) {
    cuda::NormArguments<float> a{};
    a.x = {reinterpret_cast<const float*>(x_)}, a.weight = {reinterpret_cast<const float*>(weight_)}, a.y = {reinterpret_cast<float*>(y_)};
    a.x_stride = a.y_stride = a.width = kWidth;
    void* extra[] = {reinterpret_cast<void*>(kParamPointer), &a, reinterpret_cast<void*>(kParamSize), &size, nullptr};
    return cuLaunchKernel(norm_, rows, 1, 1, threads, 1, 1, shared, stream_, nullptr, extra);
  }

  float result() {
    EXPECT_EQ(kSuccess, cuMemcpyDtoHAsync_v2(host_, y_, kBytes, stream_));
    EXPECT_EQ(kSuccess, cuStreamSynchronize(stream_));
    return host_[0];
  }

  static std::string text(int error) {
    const char* s = nullptr;
    cuGetErrorString(error, &s);
    return s;
  }

  void* stream_ = nullptr;
  void* module_ = nullptr;
  void* norm_ = nullptr;
  float* host_ = nullptr;
  uint64_t x_ = 0, weight_ = 0, y_ = 0;
};

TEST_F(CudaDriver, Launch_OfARow_RunsTheKernel) {
  upload(x_), upload(weight_);
  EXPECT_EQ(kSuccess, launch());
  EXPECT_FLOAT_EQ(1.0f, result());
}

TEST_F(CudaDriver, Copy_SourceChangedBeforeAnyWait_SendsTheChange) {
  upload(x_), upload(weight_);
  for (int i = 0; i < kWidth; ++i) host_[i] = 3.0f;  // a caller that forgets to wait; both copies see it
  EXPECT_EQ(kSuccess, launch());
  EXPECT_FLOAT_EQ(3.0f, result());
}

TEST_F(CudaDriver, Launch_WrongShape_IsRefusedByName) {
  EXPECT_EQ(kInvalidValue, launch(64));
  EXPECT_NE(std::string::npos, text(kInvalidValue).find("norm_f32: blocks of 64 x 1 x 1, expected 128"));
  EXPECT_EQ(kInvalidValue, launch(cuda::kNormThreads, 8));
  EXPECT_NE(std::string::npos, text(kInvalidValue).find("norm_f32: found 8 bytes of arguments, expected"));
  EXPECT_EQ(kInvalidValue, launch(cuda::kNormThreads, sizeof(cuda::NormArguments<float>), 0));
  EXPECT_EQ(kInvalidValue, launch(cuda::kNormThreads, sizeof(cuda::NormArguments<float>), 1, 100 << 10));
  EXPECT_EQ(kSuccess, cuFuncSetAttribute(norm_, kMaxDynamicSharedSizeBytes, 100 << 10));
  EXPECT_EQ(kSuccess, launch(cuda::kNormThreads, sizeof(cuda::NormArguments<float>), 1, 100 << 10));
  EXPECT_EQ(kLaunchFailed, cuStreamSynchronize(stream_));  // its inputs were never written
}

TEST_F(CudaDriver, Wait_AfterAFault_SaysWhatTheKernelDid) {
  upload(weight_);
  EXPECT_EQ(kSuccess, launch());  // x was never written
  EXPECT_EQ(kLaunchFailed, cuStreamSynchronize(stream_));
  EXPECT_NE(std::string::npos, text(kLaunchFailed).find("norm_f32"));
  EXPECT_NE(std::string::npos, text(kLaunchFailed).find("nothing has written"));
  EXPECT_EQ(kSuccess, cuStreamSynchronize(stream_));
}

TEST_F(CudaDriver, Memory_MisuseOfAnyKind_IsRefused) {
  float pageable[kWidth] = {};
  EXPECT_EQ(kInvalidValue, cuMemcpyHtoDAsync_v2(x_, pageable, kBytes, stream_));
  EXPECT_EQ(kSuccess, cuMemsetD8Async(x_, 0, kBytes + 1, stream_));
  EXPECT_EQ(kLaunchFailed, cuStreamSynchronize(stream_));
  EXPECT_EQ(kSuccess, cuMemcpyDtoHAsync_v2(host_, y_, kBytes, stream_));
  EXPECT_EQ(kLaunchFailed, cuStreamSynchronize(stream_));
  EXPECT_NE(std::string::npos, text(kLaunchFailed).find("nothing has written"));
  EXPECT_EQ(kInvalidValue, cuMemFree_v2(x_ + 4));
  EXPECT_EQ(kOutOfMemory, cuMemAlloc_v2(&x_, size_t{1} << 50));
}

TEST_F(CudaDriver, ThreadWithoutContext_IsRefused) {
  ASSERT_EQ(kSuccess, cuCtxSetCurrent(nullptr));
  EXPECT_EQ(kInvalidContext, upload(x_));
  void* context = nullptr;
  cuDevicePrimaryCtxRetain(&context, 0);
  ASSERT_EQ(kSuccess, cuCtxSetCurrent(context));
}

TEST_F(CudaDriver, Graph_Replayed_SeesWhatMemoryHoldsThen) {
  void *graph = nullptr, *executable = nullptr;
  ASSERT_EQ(kSuccess, cuStreamBeginCapture_v2(stream_, 0));
  EXPECT_EQ(kSuccess, launch());
  EXPECT_EQ(kCaptureUnsupported, cuStreamSynchronize(stream_));
  ASSERT_EQ(kSuccess, cuStreamEndCapture(stream_, &graph));
  ASSERT_EQ(kSuccess, cuGraphInstantiateWithFlags(&executable, graph, 0));
  cuGraphDestroy(graph);
  upload(x_);
  for (const float scale : {2.0f, 5.0f}) {
    for (int i = 0; i < kWidth; ++i) host_[i] = scale;
    upload(weight_);
    ASSERT_EQ(kSuccess, cuStreamSynchronize(stream_));
    EXPECT_EQ(kSuccess, cuGraphLaunch(executable, stream_));
    EXPECT_FLOAT_EQ(scale, result());
  }
  cuGraphExecDestroy(executable);
}

TEST_F(CudaDriver, Event_Polled_ComesAfterTheWorkBeforeIt) {
  void* event = nullptr;
  ASSERT_EQ(kSuccess, cuEventCreate(&event, 0));
  EXPECT_EQ(kSuccess, cuEventQuery(event));  // never recorded
  upload(x_), upload(weight_);
  launch();
  ASSERT_EQ(kSuccess, cuEventRecord(event, stream_));
  int polls = 0;
  while (cuEventQuery(event) == kNotReady && polls < 100) ++polls;
  EXPECT_EQ(4, polls);  // two copies, a kernel, the event itself
  EXPECT_EQ(kSuccess, cuEventDestroy_v2(event));
}

}  // namespace
}  // namespace he
