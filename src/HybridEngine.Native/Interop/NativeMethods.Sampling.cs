using System.Runtime.InteropServices;
using HybridEngine.Core;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_sample(ContextHandle ctx, long rows, long vocabulary, float* logits, long logits_stride, SamplingRow* parameters,
        int* history, long history_width, long history_stride, TokenRule* rules, long rule_count, int* rule_tokens, long rule_token_count,
        int* masks, long mask_count, long mask_stride, int* ids, float* log_prob, float* sampled_log_prob);

    [LibraryImport(Library)]
    internal static partial HeStatus he_process_logits(ContextHandle ctx, long rows, long vocabulary, float* logits, long logits_stride, SamplingRow* parameters,
        int* history, long history_width, long history_stride, TokenRule* rules, long rule_count, int* rule_tokens, long rule_token_count,
        int* masks, long mask_count, long mask_stride, float* processed, long processed_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_log_softmax(ContextHandle ctx, long rows, long vocabulary, float* logits, long logits_stride, float* temperature,
        float* log_probs, long log_probs_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_top_values(ContextHandle ctx, long rows, long width, float* values, long values_stride, long k, int* ids, long ids_stride,
        float* top, long top_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_top_log_probs(ContextHandle ctx, long rows, long vocabulary, float* logits, long logits_stride, float* temperature,
        long k, int* ids, long ids_stride, float* log_probs, long log_probs_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_log_probs_from_logits(ContextHandle ctx, long rows, long vocabulary, float* logits, long logits_stride,
        float* temperature, int* targets, float* log_prob);
}
