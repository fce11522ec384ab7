// Rows by index. Sums over tokens run in the order of the tokens; threads share out columns, so that order holds for every element.
//   traffic  a row of the packed table is one element in every 128 bytes: width cache lines a token. Plain rows: 8 bytes an element
#include "cpu/embedding/embedding.h"

#include "cpu/linear/linear.h"
#include "cpu/simd/v16.h"

HE_ISA_BEGIN

static constexpr int64_t kRowGrain = 16;     // tokens of a task
static constexpr int64_t kColumnGrain = 64;  // columns of a task: whole cache lines

static int64_t clamp_index(int64_t i, int64_t n) { return i < 0 ? 0 : i < n ? i : n - 1; }

// Where row o of a packed table [.., width] begins; its elements lie kPanel apart.
static int64_t packed_row(int64_t o, int64_t width) { return o / kPanel * kPanel * width + o % kPanel; }

// body(first, end) over ranges of [0, n), each of `grain` at most.
template <class F>
static void for_ranges(ThreadPool& pool, int64_t n, int64_t grain, const F& body) {
  pool.parallel_for((n + grain - 1) / grain, [&](int64_t task) {
    const int64_t first = task * grain;
    body(first, n - first < grain ? n : first + grain);
  });
}

static void embed(const Resources& r, const int32_t* ids, int64_t tokens, const float* table, int64_t vocabulary, int64_t width, float scale, int32_t offset, float* y,
                  int64_t y_stride, bool accumulate) {
  for_ranges(r.pool, tokens, kRowGrain, [=](int64_t first, int64_t end) {
    for (int64_t t = first; t < end; ++t) {
      const float* from = table + packed_row(clamp_index(int64_t{ids[t]} + offset, vocabulary), width);
      float* to = y + t * y_stride;
      for (int64_t k = 0; k < width; ++k) {
        const float value = scale * from[k * kPanel];
        to[k] = accumulate ? value + to[k] : value;
      }
    }
  });
}

static void embed_backward(const Resources& r, const int32_t* ids, int64_t tokens, const float* dy, int64_t dy_stride, float* dtable, int64_t vocabulary,
                           int64_t width, float scale, int32_t offset) {
  for_ranges(r.pool, width, kColumnGrain, [=](int64_t first, int64_t end) {
    for (int64_t t = 0; t < tokens; ++t) {
      float* to = dtable + packed_row(clamp_index(int64_t{ids[t]} + offset, vocabulary), width);
      for (int64_t k = first; k < end; ++k) to[k * kPanel] += scale * dy[t * dy_stride + k];
    }
  });
}

static void gather_rows(const Resources& r, const float* x, int64_t x_stride, int64_t n, const int32_t* rows, int64_t count, int64_t width, float* y,
                        int64_t y_stride) {
  for_ranges(r.pool, count, kRowGrain, [=](int64_t first, int64_t end) {
    for (int64_t i = first; i < end; ++i)
      memcpy(y + i * y_stride, x + clamp_index(rows[i], n) * x_stride, static_cast<size_t>(width) * sizeof(float));
  });
}

static void scatter_add_rows(const Resources& r, const float* x, int64_t x_stride, const int32_t* rows, int64_t count, int64_t width, float* y, int64_t y_stride,
                             int64_t n) {
  for_ranges(r.pool, width, kColumnGrain, [=](int64_t first, int64_t end) {
    for (int64_t i = 0; i < count; ++i) {
      float* to = y + clamp_index(rows[i], n) * y_stride;
      for (int64_t k = first; k < end; ++k) to[k] += x[i * x_stride + k];
    }
  });
}

void fill(EmbeddingKernels&);
void fill(EmbeddingKernels& k) {
  k.embed = embed;
  k.embed_backward = embed_backward;
  k.gather_rows = gather_rows;
  k.scatter_add_rows = scatter_add_rows;
}

HE_ISA_END
