using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_sample(ContextHandle ctx, long rows, long vocabulary, float* logits, long logits_stride, float* temperature,
        int* top_k, float* top_p, float* min_p, float* penalty, int* history, long history_width, long history_stride, int* history_lengths,
        long* seeds, long* requests, int* choices, int* positions, int* masks, long mask_count, long mask_stride, int* mask_rows, int* ids, float* log_prob, float* sampled_log_prob);

    [LibraryImport(Library)]
    internal static partial HeStatus he_top_log_probs(ContextHandle ctx, long rows, long vocabulary, float* logits, long logits_stride, float* temperature,
        long k, int* ids, long ids_stride, float* log_probs, long log_probs_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_log_probs_from_logits(ContextHandle ctx, long rows, long vocabulary, float* logits, long logits_stride,
        float* temperature, int* targets, float* log_prob);
}
