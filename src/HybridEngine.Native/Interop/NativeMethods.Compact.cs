using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial long he_compact_length(int type, long outputs, long inputs);

    [LibraryImport(Library)]
    internal static partial HeStatus he_compact_pack(ContextHandle ctx, int type, void* source, long outputs, long inputs, void* packed);

    [LibraryImport(Library)]
    internal static partial HeStatus he_compact_unpack(ContextHandle ctx, int type, void* packed, long outputs, long inputs, float* destination, long destination_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_compact_linear(
        ContextHandle ctx, int type, float* x, long x_stride, long rows, long inputs, void* w, long outputs, float* bias, float* y, long y_stride, int accumulate);

    [LibraryImport(Library)]
    internal static partial HeStatus he_compact_embed(
        ContextHandle ctx, int type, int* ids, long tokens, void* table, long vocabulary, long width, float scale, int offset, float* y, long y_stride, int accumulate);

    [LibraryImport(Library)]
    internal static partial HeStatus he_compact_log_probs(
        ContextHandle ctx, int type, float* hidden, long hidden_stride, long tokens, long width, void* w, long vocabulary, float* bias, int* targets, float temperature,
        float soft_cap, float* log_prob, float* log_sum_exp, float* entropy);

    [LibraryImport(Library)]
    internal static partial HeStatus he_compact_logits(
        ContextHandle ctx, int type, float* hidden, long hidden_stride, long rows, long width, void* w, long vocabulary, float* bias, float soft_cap, float* y, long y_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_int8_linear(
        ContextHandle ctx, int type, float* x, long x_stride, long rows, long inputs, void* w, long outputs, float* bias, float* y, long y_stride, int accumulate);

    [LibraryImport(Library)]
    internal static partial HeStatus he_int8_log_probs(
        ContextHandle ctx, int type, float* hidden, long hidden_stride, long tokens, long width, void* w, long vocabulary, float* bias, int* targets, float temperature,
        float soft_cap, float* log_prob, float* log_sum_exp, float* entropy);

    [LibraryImport(Library)]
    internal static partial HeStatus he_int8_logits(
        ContextHandle ctx, int type, float* hidden, long hidden_stride, long rows, long width, void* w, long vocabulary, float* bias, float soft_cap, float* y, long y_stride);
}
