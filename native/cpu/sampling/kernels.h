// The family's functions, put into the table by log_prob.cpp.
#pragma once
#include "cpu/sampling/sampling.h"
#include "cpu/simd/isa.h"

HE_ISA_BEGIN

size_t sampling_scratch(int64_t vocabulary);
void sampling_sample(const Sampling&, int64_t row, float* scratch);
float sampling_log_prob(const float* logits, int64_t vocabulary, float temperature, int32_t target);

HE_ISA_END
