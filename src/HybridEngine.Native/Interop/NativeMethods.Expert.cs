using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_route_experts(ContextHandle ctx, long tokens, long experts, long top_k, int normalize, float* logits, long logits_stride,
        int* chosen, long chosen_stride, float* weights, long weights_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_group_choices(ContextHandle ctx, long tokens, long experts, long top_k, int* chosen, int* row_offsets, int* owners, int* slots);

    [LibraryImport(Library)]
    internal static partial HeStatus he_combine_choices(ContextHandle ctx, long tokens, long top_k, long width, float* grouped, long grouped_stride, int* slots,
        float* weights, long weights_stride, float* y, long y_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_combine_choices_backward(ContextHandle ctx, long tokens, long top_k, long width, float* grouped, long grouped_stride, int* slots,
        float* weights, long weights_stride, float* dy, long dy_stride, float* d_grouped, long d_grouped_stride, float* d_weights, long d_weights_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_expert_load(ContextHandle ctx, long tokens, long experts, long top_k, float* logits, long logits_stride, int* chosen,
        double* counts, double* probabilities);

    [LibraryImport(Library)]
    internal static partial HeStatus he_expert_load_backward(ContextHandle ctx, long tokens, long experts, float* logits, long logits_stride, float* d_probabilities,
        float* d_logits, long d_logits_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_route_experts_backward(ContextHandle ctx, long tokens, long experts, long top_k, int normalize, float* logits,
        long logits_stride, int* chosen, long chosen_stride, float* d_weights, long d_weights_stride, float* d_logits, long d_logits_stride);
}
