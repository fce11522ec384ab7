// What he_bench times: cubes, as matrix kernels are compared everywhere, and the shapes of SmolLM2-135M (width 576, middle 1536, 9 query
// and 3 key heads of 64, vocabulary 49152), from one row to a training batch.
#include "bench/cases/cases.h"

namespace he::bench {

namespace {
struct Shape {
  int64_t rows, inputs, outputs;
};
}  // namespace

void add_bench_list(Suite& s) {
  for (const auto& [rows, inputs, outputs] : {Shape{512, 512, 512}, Shape{1024, 1024, 1024}, Shape{2048, 2048, 2048}, Shape{512, 576, 1536}, Shape{512, 1536, 576},
                                              Shape{1024, 576, 1536}, Shape{1024, 1536, 576}, Shape{1024, 576, 576}, Shape{64, 576, 1536}, Shape{32, 576, 1536}}) {
    linear(s, rows, inputs, outputs);
    linear_gradients(s, rows, inputs, outputs);
    bf16_linear(s, rows, inputs, outputs);
    bf16_linear_gradients(s, rows, inputs, outputs);
  }

  // What batch invariance costs.
  for (const auto& [rows, inputs, outputs] : {Shape{1024, 1024, 1024}, Shape{512, 576, 1536}, Shape{64, 576, 1536}, Shape{32, 576, 1536}, Shape{32, 1536, 576}})
    free_linear(s, rows, inputs, outputs);
  for (const auto& [rows, inputs, outputs] : {Shape{1024, 1024, 1024}, Shape{512, 576, 1536}, Shape{64, 576, 1536}}) free_linear_gradients(s, rows, inputs, outputs);
  for (const auto& [rows, inputs, outputs] : {Shape{1, 576, 1536}, Shape{1, 1536, 576}, Shape{1, 4096, 14336}, Shape{8, 576, 1536}, Shape{8, 1536, 576}}) free_linear(s, rows, inputs, outputs);

  // Decoding: one row against weights in the caches and beyond them, then a few rows.
  for (const auto& [rows, inputs, outputs] : {Shape{1, 576, 1536}, Shape{1, 1536, 576}, Shape{1, 576, 49152}, Shape{1, 4096, 14336}, Shape{2, 576, 1536}, Shape{2, 576, 49152},
                                              Shape{4, 576, 1536}, Shape{4, 576, 49152}, Shape{8, 576, 1536}, Shape{8, 1536, 576}, Shape{8, 576, 49152},
                                              Shape{32, 1536, 576}, Shape{32, 576, 576}, Shape{32, 576, 192}, Shape{32, 576, 49152}}) {
    linear(s, rows, inputs, outputs);
    bf16_linear(s, rows, inputs, outputs);
  }

  const struct {
    const char* name;
    int32_t type;
  } types[] = {{"bf16", 1}, {"q8_0", 7}, {"q4_0", 8}, {"q4_1", 9}};
  for (const auto& t : types)
    for (const int64_t rows : {1, 4, 8, 32, 512}) compact(s, t.name, t.type, rows, 576, rows > 8 ? 1536 : 49152);

  for (const int64_t n : {512, 1024, 2048}) int8_linear(s, "int8 q8_0", 7, n, n, n);
  const struct {
    const char* name;
    int32_t type;
  } int8_types[] = {{"int8 q8_0", 7}, {"int8 q4_0", 8}, {"int8 q4_1", 9}};
  for (const auto& t : int8_types) {
    for (const int64_t rows : {1, 8, 32}) int8_linear(s, t.name, t.type, rows, 576, 49152);
    for (const int64_t rows : {32, 512}) int8_linear(s, t.name, t.type, rows, 576, 1536);
    int8_linear(s, t.name, t.type, 512, 1536, 576);
    int8_linear(s, t.name, t.type, 1, 4096, 14336);
  }
  const struct {
    const char* name;
    const char* int8_name;
    int32_t type;
  } k_types[] = {{"q2_k", "int8 q2_k", 10}, {"q3_k", "int8 q3_k", 11}, {"q4_k", "int8 q4_k", 12}, {"q5_k", "int8 q5_k", 13}, {"q6_k", "int8 q6_k", 14}};
  for (const auto& t : k_types) {
    compact(s, t.name, t.type, 1, 4096, 14336);
    int8_linear(s, t.int8_name, t.type, 1, 4096, 14336);
    int8_linear(s, t.int8_name, t.type, 512, 1024, 1024);
  }

  log_probs(s, 512, 576, 49152);
  log_probs_backward(s, 512, 576, 49152);
  bf16_log_probs(s, 512, 576, 49152);
  bf16_log_probs_backward(s, 1024, 576, 49152);

  const Heads heads{9, 3, 64};
  attention(s, heads, 4, 256);
  attention_backward(s, heads, 4, 256);
  attention(s, heads, 1, 2048);
  paged_attention(s, heads, 1, 2048);
  for (const int32_t type : {0, 1, 6}) paged_attention(s, heads, 32, 256, type);

  norm(s, 1024, 576);
  norm_backward(s, 1024, 576);
  rotary(s, 1024, heads);
  gate(s, 1024, 1536);
  gate_backward(s, 1024, 1536);
  adamw(s, 16 << 20);
  bf16_adamw(s, 8192, 2048);
  squared_norm(s, 16 << 20);
  sample(s, 32, 49152, false);
  sample(s, 32, 49152, true);
}

}  // namespace he::bench
