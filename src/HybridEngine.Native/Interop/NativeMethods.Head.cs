using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_log_probs(
        ContextHandle ctx, float* hidden, long hidden_stride, long tokens, long width, float* head, long vocabulary, float* bias, int* targets, float temperature,
        float soft_cap, float* log_prob, float* log_sum_exp, float* entropy);

    [LibraryImport(Library)]
    internal static partial HeStatus he_log_probs_backward(
        ContextHandle ctx, float* hidden, long hidden_stride, long tokens, long width, float* head, long vocabulary, float* bias, int* targets, float temperature,
        float soft_cap, float* log_sum_exp, float* entropy, float* d_log_prob, float* d_log_sum_exp, float* d_entropy, float* d_hidden, long d_hidden_stride,
        float* d_head, float* d_bias);

    [LibraryImport(Library)]
    internal static partial HeStatus he_logits(
        ContextHandle ctx, float* hidden, long hidden_stride, long rows, long width, float* head, long vocabulary, float* bias, float soft_cap, float* y, long y_stride);
}
