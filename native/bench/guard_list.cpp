// What he_guard counts: every family once, in sizes of a million instructions or so. One line adds a kernel; then `benchmarks/guard/run.sh
// --record`.
#include "bench/cases/cases.h"

namespace he::bench {

void add_guard_list(Suite& s) {
  linear(s, 64, 256, 256);
  linear_gradients(s, 64, 256, 256);
  linear(s, 64, 200, 104);  // edges of every tile
  linear(s, 1, 512, 512);
  linear(s, 8, 512, 512);
  bf16_linear(s, 64, 256, 256);
  bf16_linear_gradients(s, 64, 256, 256);
  bf16_linear(s, 1, 512, 512);
  compact(s, "bf16", 1, 1, 512, 512);
  compact(s, "bf16", 1, 32, 256, 256);
  compact(s, "q8_0", 7, 1, 512, 512);
  compact(s, "q8_0", 7, 32, 256, 256);
  compact(s, "q4_0", 8, 1, 512, 512);
  compact(s, "q4_0", 8, 32, 256, 256);
  compact(s, "q4_1", 9, 1, 512, 512);
  int8_linear(s, "int8 q8_0", 7, 1, 512, 512);
  int8_linear(s, "int8 q8_0", 7, 32, 256, 256);
  int8_linear(s, "int8 q4_1", 9, 32, 256, 256);
  log_probs(s, 32, 128, 2048);
  log_probs_backward(s, 32, 128, 2048);

  const Heads heads{6, 2, 64};
  attention(s, heads, 2, 96);
  attention_backward(s, heads, 2, 96);
  paged_attention(s, heads, 8, 160);

  norm(s, 64, 576);
  norm_backward(s, 64, 576);
  rotary(s, 64, heads);
  gate(s, 64, 576);
  gate_backward(s, 64, 576);
  adamw(s, 64 << 10);
  squared_norm(s, 256 << 10);
  sample(s, 4, 8192, false);
  sample(s, 4, 8192, true);
}

}  // namespace he::bench
