using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial long he_bf16_length(long outputs, long inputs);

    [LibraryImport(Library)]
    internal static partial HeStatus he_bf16_pack(ContextHandle ctx, ushort* source, long source_stride, long outputs, long inputs, ushort* packed);

    [LibraryImport(Library)]
    internal static partial HeStatus he_bf16_unpack(ContextHandle ctx, ushort* packed, long outputs, long inputs, float* destination, long destination_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_bf16_narrow(ContextHandle ctx, float* master, long outputs, long inputs, ushort* packed);

    [LibraryImport(Library)]
    internal static partial HeStatus he_bf16_forward(
        ContextHandle ctx, float* x, long x_stride, long rows, long inputs, ushort* w, long outputs, float* bias, float* y, long y_stride, int accumulate);

    [LibraryImport(Library)]
    internal static partial HeStatus he_bf16_backward_input(
        ContextHandle ctx, float* dy, long dy_stride, long rows, long outputs, ushort* w, long inputs, float* dx, long dx_stride, int accumulate);

    [LibraryImport(Library)]
    internal static partial HeStatus he_bf16_backward_weight(
        ContextHandle ctx, float* x, long x_stride, float* dy, long dy_stride, long rows, long inputs, long outputs, float* dw, float* dbias);

    [LibraryImport(Library)]
    internal static partial HeStatus he_bf16_embed(
        ContextHandle ctx, int* ids, long tokens, ushort* table, long vocabulary, long width, float scale, int offset, float* y, long y_stride, int accumulate);

    [LibraryImport(Library)]
    internal static partial HeStatus he_bf16_log_probs(
        ContextHandle ctx, float* hidden, long hidden_stride, long tokens, long width, ushort* w, long vocabulary, float* bias, int* targets, float temperature,
        float soft_cap, float* log_prob, float* log_sum_exp, float* entropy);

    [LibraryImport(Library)]
    internal static partial HeStatus he_bf16_log_probs_backward(
        ContextHandle ctx, float* hidden, long hidden_stride, long tokens, long width, ushort* w, long vocabulary, float* bias, int* targets, float temperature,
        float soft_cap, float* log_sum_exp, float* entropy, float* d_log_prob, float* d_log_sum_exp, float* d_entropy, float* d_hidden, long d_hidden_stride,
        float* d_head, float* d_bias);

    [LibraryImport(Library)]
    internal static partial HeStatus he_bf16_logits(
        ContextHandle ctx, float* hidden, long hidden_stride, long rows, long width, ushort* w, long vocabulary, float* bias, float soft_cap, float* y, long y_stride);
}
