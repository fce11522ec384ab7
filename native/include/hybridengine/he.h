/* HybridEngine's C ABI: the only header that the outside may see.
 * Every fallible call returns a status; he_last_error() explains it. Pointers are host memory; sizes and strides count elements. No call keeps a pointer.
 * A context owns a thread pool and the kernel table of one instruction set; one thread uses a context at a time. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#if defined(_WIN32)
#define HE_API __declspec(dllexport)
#else
#define HE_API __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
extern "C" {
#endif

#define HE_ABI_VERSION 5u

typedef enum he_status { HE_OK = 0, HE_INVALID_ARGUMENT = 1, HE_OUT_OF_MEMORY = 2, HE_UNSUPPORTED = 3, HE_DEVICE = 4, HE_INTERNAL = 5 } he_status;
typedef struct he_context he_context;

/* ---- library and context ---- */
HE_API uint32_t he_abi_version(void);
HE_API const char* he_last_error(void); /* of this thread, UTF-8, valid until its next he_ call */
HE_API const char* he_available_isas(void); /* comma-separated, best first, of this build on this machine */
/* isa: "scalar", "avx2", "avx512", or null for HE_ISA from the environment, else the best. threads: 0 for the CPUs this process may use. */
/* matrix: the engine of products in bf16: "fma", "dot", "amx", "amx_emulated", or null for HE_MATRIX, else the best. Each keeps an order of sums of its own, which
 * he_context_bf16_variant names; all instruction sets give the same bits with the same engine. */
HE_API he_status he_context_create(const char* isa, const char* matrix, int32_t threads, he_context** out);
HE_API void he_context_destroy(he_context* ctx); /* null is a no-op */
HE_API const char* he_context_isa(he_context* ctx);
HE_API const char* he_context_matrix(he_context* ctx);
HE_API const char* he_context_bf16_variant(he_context* ctx);
HE_API int32_t he_context_threads(he_context* ctx);
/* Operations a second (a multiply-add counts two) that the context's threads reach at most with the instruction of an arithmetic: 0 float32, 1 bf16, 2 int8.
 * Measured now, a tenth of a second; instruction: its name, such as "bf16 dot", in at least 64 bytes. */
HE_API he_status he_context_peak(he_context* ctx, int32_t arithmetic, char* instruction, double* operations);

/* ---- linear ----
 * Weights W [outputs, inputs] are packed in panels of 32 outputs: P[o / 32][k][o % 32], padded with zeros to a whole panel. Gradients of W have the same layout.
 * A stride is the distance between rows. accumulate: 0 overwrites, 1 adds. Optional pointers may be null. */
HE_API int64_t he_linear_packed_length(int64_t outputs, int64_t inputs); /* elements of a packed weight */
HE_API he_status he_linear_pack(he_context* ctx, const float* source, int64_t source_stride, int64_t outputs, int64_t inputs, float* packed);
HE_API he_status he_linear_unpack(he_context* ctx, const float* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride);
/* y [rows, outputs] = x [rows, inputs] W^T + bias [outputs, optional] */
HE_API he_status he_linear_forward(he_context* ctx, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const float* w, int64_t outputs,
                                   const float* bias, float* y, int64_t y_stride, int32_t accumulate);
/* dx [rows, inputs] = dy [rows, outputs] W */
HE_API he_status he_linear_backward_input(he_context* ctx, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const float* w, int64_t inputs,
                                          float* dx, int64_t dx_stride, int32_t accumulate);
/* dw (packed) += dy^T x; dbias [outputs, optional] += column sums of dy */
HE_API he_status he_linear_backward_weight(he_context* ctx, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs,
                                           int64_t outputs, float* dw, float* dbias);
/* destination = w + scale * (b a), a [rank, inputs], b [outputs, rank]; destination may be w */
HE_API he_status he_linear_merge_lora(he_context* ctx, const float* w, int64_t outputs, int64_t inputs, const float* a, int64_t a_stride, const float* b,
                                      int64_t b_stride, int64_t rank, float scale, float* destination);
/* ---- linear in bf16 ----
 * A bf16 weight: panels of 32 outputs, pairs of inputs side by side, P[o / 32][k / 2][o % 32][k % 2], outputs and inputs padded with zeros to multiples of 32.
 * Activations are float32 in memory and rounded to bf16 by the call; gradients of a bf16 weight are float32 in he_linear's layout. */
HE_API int64_t he_bf16_length(int64_t outputs, int64_t inputs); /* elements of 16 bits of a bf16 weight */
HE_API he_status he_bf16_pack(he_context* ctx, const uint16_t* source, int64_t source_stride, int64_t outputs, int64_t inputs, uint16_t* packed);
HE_API he_status he_bf16_unpack(he_context* ctx, const uint16_t* packed, int64_t outputs, int64_t inputs, float* destination, int64_t destination_stride);
/* from a packed float32 weight, to nearest, ties to even */
HE_API he_status he_bf16_narrow(he_context* ctx, const float* master, int64_t outputs, int64_t inputs, uint16_t* packed);
HE_API he_status he_bf16_forward(he_context* ctx, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const uint16_t* w, int64_t outputs,
                                 const float* bias, float* y, int64_t y_stride, int32_t accumulate);
HE_API he_status he_bf16_backward_input(he_context* ctx, const float* dy, int64_t dy_stride, int64_t rows, int64_t outputs, const uint16_t* w, int64_t inputs,
                                        float* dx, int64_t dx_stride, int32_t accumulate);
HE_API he_status he_bf16_backward_weight(he_context* ctx, const float* x, int64_t x_stride, const float* dy, int64_t dy_stride, int64_t rows, int64_t inputs,
                                         int64_t outputs, float* dw, float* dbias);
HE_API he_status he_bf16_embed(he_context* ctx, const int32_t* ids, int64_t tokens, const uint16_t* table, int64_t vocabulary, int64_t width, float scale,
                               int32_t offset, float* y, int64_t y_stride, int32_t accumulate);
/* as he_log_probs, its backward (d_head: float32 panels) and he_logits */
HE_API he_status he_bf16_log_probs(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const uint16_t* w,
                                   int64_t vocabulary, const float* bias, const int32_t* targets, float temperature, float soft_cap, float* log_prob,
                                   float* log_sum_exp, float* entropy);
HE_API he_status he_bf16_log_probs_backward(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const uint16_t* w,
                                            int64_t vocabulary, const float* bias, const int32_t* targets, float temperature, float soft_cap,
                                            const float* log_sum_exp, const float* entropy, const float* d_log_prob, const float* d_log_sum_exp,
                                            const float* d_entropy, float* d_hidden, int64_t d_hidden_stride, float* d_head, float* d_bias);
HE_API he_status he_bf16_logits(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t rows, int64_t width, const uint16_t* w, int64_t vocabulary,
                                const float* bias, float soft_cap, float* y, int64_t y_stride);

/* ---- compact ---- weights in their own width; every product has the bits of the same one with the weights in float32. type, as he_convert: 1 bfloat16, 2 float16,
 * 7 Q8_0, 8 Q4_0, 9 Q4_1 (GGUF's blocks of 32 values along the inputs, which fill whole blocks), 10 Q2_K, 11 Q3_K, 12 Q4_K, 13 Q5_K, 14 Q6_K (blocks of 256). */
HE_API int64_t he_compact_length(int32_t type, int64_t outputs, int64_t inputs); /* bytes when packed; -1 for an unknown type or unfit sizes */
/* source: outputs rows of inputs values, dense */
HE_API he_status he_compact_pack(he_context* ctx, int32_t type, const void* source, int64_t outputs, int64_t inputs, void* packed);
HE_API he_status he_compact_unpack(he_context* ctx, int32_t type, const void* packed, int64_t outputs, int64_t inputs, float* destination,
                                   int64_t destination_stride);
/* As he_linear_forward, he_embed, he_log_probs and he_logits. */
HE_API he_status he_compact_linear(he_context* ctx, int32_t type, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const void* w,
                                   int64_t outputs, const float* bias, float* y, int64_t y_stride, int32_t accumulate);
HE_API he_status he_compact_embed(he_context* ctx, int32_t type, const int32_t* ids, int64_t tokens, const void* table, int64_t vocabulary, int64_t width,
                                  float scale, int32_t offset, float* y, int64_t y_stride, int32_t accumulate);
HE_API he_status he_compact_log_probs(he_context* ctx, int32_t type, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const void* w,
                                      int64_t vocabulary, const float* bias, const int32_t* targets, float temperature, float soft_cap, float* log_prob,
                                      float* log_sum_exp, float* entropy);
HE_API he_status he_compact_logits(he_context* ctx, int32_t type, const float* hidden, int64_t hidden_stride, int64_t rows, int64_t width, const void* w,
                                   int64_t vocabulary, const float* bias, float soft_cap, float* y, int64_t y_stride);

/* ---- int8 ---- the same weights (block types) times activations that the call rounds to 8 bits, a scale for each row and 32 inputs. Lossy; sums in one order on
 * every engine. As he_linear_forward, he_log_probs and he_logits. */
HE_API he_status he_int8_linear(he_context* ctx, int32_t type, const float* x, int64_t x_stride, int64_t rows, int64_t inputs, const void* w, int64_t outputs,
                                const float* bias, float* y, int64_t y_stride, int32_t accumulate);
HE_API he_status he_int8_log_probs(he_context* ctx, int32_t type, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const void* w,
                                   int64_t vocabulary, const float* bias, const int32_t* targets, float temperature, float soft_cap, float* log_prob,
                                   float* log_sum_exp, float* entropy);
HE_API he_status he_int8_logits(he_context* ctx, int32_t type, const float* hidden, int64_t hidden_stride, int64_t rows, int64_t width, const void* w,
                                int64_t vocabulary, const float* bias, float soft_cap, float* y, int64_t y_stride);

/* ---- norm ---- y = norm(x + residual); centred: 1 LayerNorm, 0 RMSNorm. residual, bias, sum, statistics may be null; a residual needs sum. */
HE_API he_status he_norm(he_context* ctx, int64_t rows, int64_t width, const float* x, int64_t x_stride, const float* residual, int64_t residual_stride,
                         const float* weight, const float* bias, int32_t centred, float epsilon, float weight_offset, float* sum, int64_t sum_stride, float* y,
                         int64_t y_stride, float* statistics, int64_t statistics_stride);
/* d_weight and d_bias are added to and may be null; d_sum may be dy. */
HE_API he_status he_norm_backward(he_context* ctx, int64_t rows, int64_t width, const float* dy, int64_t dy_stride, const float* sum, int64_t sum_stride,
                                  const float* weight, const float* statistics, int64_t statistics_stride, int32_t centred, float weight_offset, float* d_sum,
                                  int64_t d_sum_stride, int32_t accumulate, float* d_weight, float* d_bias);

/* ---- embedding ---- rows by index; indices outside are clamped. table, dtable: packed as a weight [vocabulary, width]. */
/* y[t] = scale * table[ids[t] + offset] */
HE_API he_status he_embed(he_context* ctx, const int32_t* ids, int64_t tokens, const float* table, int64_t vocabulary, int64_t width, float scale, int32_t offset,
                          float* y, int64_t y_stride, int32_t accumulate);
/* dtable[ids[t] + offset] += scale * dy[t], tokens in order */
HE_API he_status he_embed_backward(he_context* ctx, const int32_t* ids, int64_t tokens, const float* dy, int64_t dy_stride, float* dtable, int64_t vocabulary,
                                   int64_t width, float scale, int32_t offset);
/* y[i] = x[rows[i]], i < count; x [n, width] */
HE_API he_status he_gather_rows(he_context* ctx, const float* x, int64_t x_stride, int64_t n, const int32_t* rows, int64_t count, int64_t width, float* y,
                                int64_t y_stride);
/* y[rows[i]] += x[i], in order of i < count; y [n, width] */
HE_API he_status he_scatter_add_rows(he_context* ctx, const float* x, int64_t x_stride, const int32_t* rows, int64_t count, int64_t width, float* y,
                                     int64_t y_stride, int64_t n);

/* ---- head ---- z = cap(hidden W^T + bias) / temperature; head packed [vocabulary, width]; bias [vocabulary] or null; soft_cap 0: off; negative target: none. */
/* log_prob, log_sum_exp [tokens]; entropy [tokens] or null */
HE_API he_status he_log_probs(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const float* head, int64_t vocabulary,
                              const float* bias, const int32_t* targets, float temperature, float soft_cap, float* log_prob, float* log_sum_exp, float* entropy);
/* log_sum_exp and entropy from the forward (entropy only with d_entropy); d_log_prob, d_log_sum_exp, d_entropy [tokens] or null; d_hidden is overwritten;
 * d_head (packed) and d_bias are added to and may be null. */
HE_API he_status he_log_probs_backward(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t tokens, int64_t width, const float* head,
                                       int64_t vocabulary, const float* bias, const int32_t* targets, float temperature, float soft_cap, const float* log_sum_exp,
                                       const float* entropy, const float* d_log_prob, const float* d_log_sum_exp, const float* d_entropy, float* d_hidden,
                                       int64_t d_hidden_stride, float* d_head, float* d_bias);
/* y [rows, vocabulary] = cap(hidden W^T + bias) */
HE_API he_status he_logits(he_context* ctx, const float* hidden, int64_t hidden_stride, int64_t rows, int64_t width, const float* head, int64_t vocabulary,
                           const float* bias, float soft_cap, float* y, int64_t y_stride);

/* ---- position ---- rotates, in place, the first `rotary` elements of every head; table [table_rows, rotary]: cosines, then sines. */
HE_API he_status he_rotary(he_context* ctx, int64_t tokens, int64_t heads, int64_t head_size, float* x, int64_t token_stride, int64_t head_stride,
                           const int32_t* positions, const float* table, int64_t table_rows, int64_t table_stride, int64_t rotary, int32_t interleaved,
                           int32_t inverse);

/* ---- activation ---- kind: 0 relu, 1 silu, 2 gelu, 3 gelu_tanh. Outputs may be inputs (d_gate: gate, d_up: up, dx: dy). */
HE_API he_status he_activate(he_context* ctx, int32_t kind, int64_t rows, int64_t width, const float* x, int64_t x_stride, float* y, int64_t y_stride);
HE_API he_status he_activate_backward(he_context* ctx, int32_t kind, int64_t rows, int64_t width, const float* x, int64_t x_stride, const float* dy,
                                      int64_t dy_stride, float* dx, int64_t dx_stride);
HE_API he_status he_gate(he_context* ctx, int32_t kind, int64_t rows, int64_t width, const float* gate, int64_t gate_stride, const float* up,
                         int64_t up_stride, float* y, int64_t y_stride);
HE_API he_status he_gate_backward(he_context* ctx, int32_t kind, int64_t rows, int64_t width, const float* gate, int64_t gate_stride, const float* up,
                                  int64_t up_stride, const float* dy, int64_t dy_stride, float* d_gate, int64_t d_gate_stride, float* d_up,
                                  int64_t d_up_stride);
/* y = alpha x + beta y; with beta 0 the old y is not read. */
HE_API he_status he_axpby(he_context* ctx, int64_t rows, int64_t width, float alpha, const float* x, int64_t x_stride, float beta, float* y, int64_t y_stride);
/* y = scale x + offset by column: scale [width], offset [width] or null; y may be x. */
HE_API he_status he_scale_columns(he_context* ctx, int64_t rows, int64_t width, const float* x, int64_t x_stride, const float* scale, const float* offset,
                                  float* y, int64_t y_stride);

/* ---- attention ---- [tokens, heads, head_size] with any token stride; offsets [sequences + 1]; window and soft_cap 0: off; alibi [query_heads] or null;
 * log_sum_exp [tokens, query_heads] or null in the forward; key_value_type 1: k and v are rounded to bfloat16 as they are read, 0: not. */
HE_API he_status he_attention(he_context* ctx, int64_t tokens, int64_t sequences, const int32_t* offsets, int64_t query_heads, int64_t key_heads,
                              int64_t head_size, float scale, int32_t causal, int64_t window, float soft_cap, const float* alibi, const float* q,
                              int64_t q_stride, const float* k, int64_t k_stride, const float* v, int64_t v_stride, float* y, int64_t y_stride,
                              float* log_sum_exp, int64_t log_sum_exp_stride, int32_t key_value_type);
HE_API he_status he_attention_backward(he_context* ctx, int64_t tokens, int64_t sequences, const int32_t* offsets, int64_t query_heads, int64_t key_heads,
                                       int64_t head_size, float scale, int32_t causal, int64_t window, float soft_cap, const float* alibi, const float* q,
                                       int64_t q_stride, const float* k, int64_t k_stride, const float* v, int64_t v_stride, const float* y,
                                       int64_t y_stride, const float* log_sum_exp, int64_t log_sum_exp_stride, const float* dy, int64_t dy_stride,
                                       float* dq, int64_t dq_stride, float* dk, int64_t dk_stride, float* dv, int64_t dv_stride,
                                       int32_t key_value_type);
/* The cache of one layer: bytes that keys and values take, in a layout of the library's own. block_size is a multiple of 16. type: 0 float32, 1 bfloat16, 6 int8
 * with a scale for each position and head (max |x| / 127). */
HE_API he_status he_kv_size(he_context* ctx, int32_t type, int64_t blocks, int64_t block_size, int64_t key_heads, int64_t head_size,
                            int64_t* key_bytes, int64_t* value_bytes);
/* slots [tokens]: block * block_size + position in block; negative slots are skipped. */
HE_API he_status he_kv_write(he_context* ctx, int64_t tokens, const float* k, int64_t k_stride, const float* v, int64_t v_stride, const int32_t* slots,
                             int32_t type, void* keys, void* values, int64_t blocks, int64_t block_size, int64_t key_heads, int64_t head_size);
HE_API he_status he_kv_copy_blocks(he_context* ctx, int64_t count, const int32_t* sources, const int32_t* destinations, int32_t type, void* keys,
                                   void* values, int64_t blocks, int64_t block_size, int64_t key_heads, int64_t head_size);
/* The last query row of a sequence stands at context_lengths - 1; block_tables [sequences, table_width]. */
HE_API he_status he_paged_attention(he_context* ctx, int64_t tokens, int64_t sequences, const int32_t* query_offsets, const int32_t* context_lengths,
                                    const int32_t* block_tables, int64_t table_width, int64_t table_stride, int64_t query_heads, int64_t key_heads,
                                    int64_t head_size, float scale, int32_t causal, int64_t window, float soft_cap, const float* alibi, const float* q,
                                    int64_t q_stride, int32_t type, const void* keys, const void* values, int64_t blocks, int64_t block_size,
                                    float* y, int64_t y_stride);

/* ---- expert ---- the top_k greatest of a soft-max over the experts, and the gradient of their weights. */
HE_API he_status he_route_experts(he_context* ctx, int64_t tokens, int64_t experts, int64_t top_k, int32_t normalize, const float* logits,
                                  int64_t logits_stride, int32_t* chosen, int64_t chosen_stride, float* weights, int64_t weights_stride);
HE_API he_status he_route_experts_backward(he_context* ctx, int64_t tokens, int64_t experts, int64_t top_k, int32_t normalize, const float* logits,
                                           int64_t logits_stride, const int32_t* chosen, int64_t chosen_stride, const float* d_weights,
                                           int64_t d_weights_stride, float* d_logits, int64_t d_logits_stride);
/* Choices [tokens, top_k] in order of expert, then of token and rank: row_offsets [experts + 1], owners [choices] (the token of a grouped row), slots
 * [tokens, top_k] (the grouped row of a choice). */
HE_API he_status he_group_choices(he_context* ctx, int64_t tokens, int64_t experts, int64_t top_k, const int32_t* chosen, int32_t* row_offsets,
                                  int32_t* owners, int32_t* slots);
/* y[t] = sum_i weights[t, i] grouped[slots[t, i]] */
HE_API he_status he_combine_choices(he_context* ctx, int64_t tokens, int64_t top_k, int64_t width, const float* grouped, int64_t grouped_stride,
                                    const int32_t* slots, const float* weights, int64_t weights_stride, float* y, int64_t y_stride);
HE_API he_status he_combine_choices_backward(he_context* ctx, int64_t tokens, int64_t top_k, int64_t width, const float* grouped, int64_t grouped_stride,
                                             const int32_t* slots, const float* weights, int64_t weights_stride, const float* dy, int64_t dy_stride,
                                             float* d_grouped, int64_t d_grouped_stride, float* d_weights, int64_t d_weights_stride);
/* counts[e] += times chosen, probabilities[e] += soft-max summed over the tokens in order */
HE_API he_status he_expert_load(he_context* ctx, int64_t tokens, int64_t experts, int64_t top_k, const float* logits, int64_t logits_stride,
                                const int32_t* chosen, double* counts, double* probabilities);
/* d_logits += the gradient of the probabilities */
HE_API he_status he_expert_load_backward(he_context* ctx, int64_t tokens, int64_t experts, const float* logits, int64_t logits_stride,
                                         const float* d_probabilities, float* d_logits, int64_t d_logits_stride);

/* ---- sampling ---- */

/* How one row of logits is drawn from. Steps in the order of docs/inference/sampling.md; the value in brackets switches a step off. */
typedef struct he_sampling_row {
  int64_t seed, request;      /* Philox key; counter words 2 and 3 */
  double top_p;               /* [1]; in float64, or 1 - p would be too coarse near 1 */
  int32_t choice, position;   /* counter words 1 and 0; the position is the one that is drawn */
  int32_t history_length;     /* tokens of the row's history, prompt and completion */
  int32_t mask;               /* line of the masks [-1] */
  int32_t rules_start, rules_count; /* of the token rules [0, 0] */
  float repetition_penalty;   /* [1] */
  float frequency_penalty;    /* [0] */
  float presence_penalty;     /* [0] */
  int32_t repetition_start;   /* first token of the history that the repetition penalty looks at */
  int32_t count_start;        /* and that frequency and presence penalty count */
  int32_t penalty_window;     /* the three look at this many last tokens only [0] */
  int32_t no_repeat_ngram;    /* [0] */
  float temperature;          /* 0: greedy */
  int32_t top_k;              /* [0] */
  float top_n_sigma;          /* [0] */
  float min_p;                /* [0] */
  float typical_p;            /* [1] */
  float epsilon_cutoff;       /* [0] */
  float eta_cutoff;           /* [0] */
} he_sampling_row;

/* Where the history ends with all tokens of the rule but the last, and the position is in [first, end): the last token's logit
 * gets bias added (-inf: banned; +inf: nothing but such tokens may be drawn) and |logit| * (growth^(position - first + 1) - 1). */
typedef struct he_token_rule {
  int32_t tokens_start, tokens_count; /* in rule_tokens; at least one */
  int32_t first, end;
  float bias;
  float growth; /* [1] */
} he_token_rule;

/* history [rows, history_width] or null; masks [mask_count, mask_stride] of bits or null; sampled_log_prob may be null.
 * An id is -1, its log-probabilities NaN, where nothing can be drawn. */
HE_API he_status he_sample(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride, const he_sampling_row* parameters,
                           const int32_t* history, int64_t history_width, int64_t history_stride, const he_token_rule* rules, int64_t rule_count,
                           const int32_t* rule_tokens, int64_t rule_token_count, const int32_t* masks, int64_t mask_count, int64_t mask_stride,
                           int32_t* ids, float* log_prob, float* sampled_log_prob);
/* What he_sample draws from, as logits: -inf for removed tokens. processed may be logits. */
HE_API he_status he_process_logits(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride,
                                   const he_sampling_row* parameters, const int32_t* history, int64_t history_width, int64_t history_stride,
                                   const he_token_rule* rules, int64_t rule_count, const int32_t* rule_tokens, int64_t rule_token_count,
                                   const int32_t* masks, int64_t mask_count, int64_t mask_stride, float* processed, int64_t processed_stride);
/* log_probs may be logits. */
HE_API he_status he_log_softmax(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride, const float* temperature,
                                float* log_probs, int64_t log_probs_stride);
/* The k greatest values of each row, greatest first, of equals the lower id. */
HE_API he_status he_top_values(he_context* ctx, int64_t rows, int64_t width, const float* values, int64_t values_stride, int64_t k, int32_t* ids,
                               int64_t ids_stride, float* top, int64_t top_stride);
HE_API he_status he_top_log_probs(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride, const float* temperature,
                                  int64_t k, int32_t* ids, int64_t ids_stride, float* log_probs, int64_t log_probs_stride);
/* targets [rows]; negative: log_prob 0. */
HE_API he_status he_log_probs_from_logits(he_context* ctx, int64_t rows, int64_t vocabulary, const float* logits, int64_t logits_stride,
                                          const float* temperature, const int32_t* targets, float* log_prob);

/* ---- optimizer ---- steps count from 1; gradient_scale [1] or null. */
HE_API he_status he_adamw(he_context* ctx, int64_t n, float* parameter, const float* gradient, float* m, float* v, double learning_rate, double beta1,
                          double beta2, double epsilon, double weight_decay, int64_t step, const float* gradient_scale);
/* the parameter is a packed float32 weight; its bf16 copy is written in the same pass */
HE_API he_status he_adamw_bf16(he_context* ctx, int64_t outputs, int64_t inputs, float* parameter, const float* gradient, float* m, float* v,
                               double learning_rate, double beta1, double beta2, double epsilon, double weight_decay, int64_t step,
                               const float* gradient_scale, uint16_t* copy);
HE_API he_status he_squared_norm(he_context* ctx, int32_t count, const float* const* tensors, const int64_t* lengths, double* result);

/* ---- conversion ---- n values between element types 0 (f32), 1 (bf16), 2 (f16), 7 (q8_0), 8 (q4_0), 9 (q4_1); blocks of 32 must be whole. */
HE_API he_status he_convert(he_context* ctx, int64_t n, int32_t from, const void* source, int32_t to, void* destination);

#ifdef __cplusplus
}
#endif
