using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_route_experts(ContextHandle ctx, long tokens, long experts, long top_k, int normalize, float* logits, long logits_stride,
        int* chosen, long chosen_stride, float* weights, long weights_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_route_experts_backward(ContextHandle ctx, long tokens, long experts, long top_k, int normalize, float* logits,
        long logits_stride, int* chosen, long chosen_stride, float* d_weights, long d_weights_stride, float* d_logits, long d_logits_stride);
}
