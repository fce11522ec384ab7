// The family's functions, one file each; put into the table by attention.cpp.
#pragma once
#include "cpu/attention/attention.h"
#include "cpu/simd/isa.h"

HE_ISA_BEGIN

size_t attention_forward_scratch(int64_t head_size, int64_t rows);
void attention_packed(const PackedAttention&, int64_t sequence, int64_t key_head, int64_t begin, int64_t end, float* scratch);
void attention_paged(const PagedAttention&, int64_t sequence, int64_t key_head, int64_t begin, int64_t end, float* scratch);
size_t attention_part_floats(const AttentionShape&);
void attention_paged_part(const PagedAttention&, int64_t sequence, int64_t key_head, int64_t chunk, float* parts, float* scratch);
void attention_paged_join(const PagedAttention&, int64_t sequence, int64_t key_head, float* parts);
size_t attention_backward_scratch(int64_t head_size);
void attention_backward(const PackedAttentionBackward&, int64_t sequence, int64_t key_head, float* scratch);

HE_ISA_END
