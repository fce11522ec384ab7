// Builders: each adds one kernel of a shape. What is timed is in bench_list.cpp, what is counted in guard_list.cpp: one line there adds a
// kernel.
#pragma once
#include <cstdint>

#include "bench/suite.h"

namespace he::bench {

// Where a product reads "rows x inputs x outputs".

// y = x W^T; dx = dy W; dW += dy^T x: float32.
void linear(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs);
void linear_gradients(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs);

// The same with batch invariance "kept" and switched off (bench/free), on the same operands, where there is AVX-512: "free", each sum one chain; up to 8 rows also
// "split", the inner dimension shared out over the threads.
void free_linear(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs);
void free_linear_gradients(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs);

// The same in bf16: x and dy are float32 in memory and rounded inside the call, W is bf16, dW float32.
void bf16_linear(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs);
void bf16_linear_gradients(Suite& suite, int64_t rows, int64_t inputs, int64_t outputs);

// y = x W^T with a weight in its own width: the same operations, fewer bytes. type as he_convert.
void compact(Suite& suite, const char* name, int32_t type, int64_t rows, int64_t inputs, int64_t outputs);
// The same with activations rounded to 8 bits inside the call.
void int8_linear(Suite& suite, const char* name, int32_t type, int64_t rows, int64_t inputs, int64_t outputs);

// log softmax(hidden W^T) of one token a row, and all its gradients (three products).
void log_probs(Suite& suite, int64_t rows, int64_t inputs, int64_t vocabulary);
void log_probs_backward(Suite& suite, int64_t rows, int64_t inputs, int64_t vocabulary);
void bf16_log_probs(Suite& suite, int64_t rows, int64_t inputs, int64_t vocabulary);
void bf16_log_probs_backward(Suite& suite, int64_t rows, int64_t inputs, int64_t vocabulary);

// Heads of a model.
struct Heads {
  int64_t query, key, size;
};

// Whole causal sequences, packed.
void attention(Suite& suite, const Heads& heads, int64_t sequences, int64_t length);
void attention_backward(Suite& suite, const Heads& heads, int64_t sequences, int64_t length);
// One query row of each sequence against its keys and values in the cache.
// type: how the cache keeps its elements, as he_kv_size.
void paged_attention(Suite& suite, const Heads& heads, int64_t sequences, int64_t length, int32_t type = 0);

void norm(Suite& suite, int64_t rows, int64_t width);
void norm_backward(Suite& suite, int64_t rows, int64_t width);
void rotary(Suite& suite, int64_t rows, const Heads& heads);
void gate(Suite& suite, int64_t rows, int64_t width);
void gate_backward(Suite& suite, int64_t rows, int64_t width);

void adamw(Suite& suite, int64_t elements);
void bf16_adamw(Suite& suite, int64_t outputs, int64_t inputs);  // with the bf16 copy
void squared_norm(Suite& suite, int64_t elements);

// filtered: the 50 greatest, then the 95 % of them.
void sample(Suite& suite, int64_t rows, int64_t vocabulary, bool filtered);

// The two lists.
void add_bench_list(Suite& suite);
void add_guard_list(Suite& suite);

}  // namespace he::bench
