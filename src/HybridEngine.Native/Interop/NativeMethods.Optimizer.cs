using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_adamw(ContextHandle ctx, long n, float* parameter, float* gradient, float* m, float* v, double learning_rate,
        double beta1, double beta2, double epsilon, double weight_decay, long step, float* gradient_scale);

    [LibraryImport(Library)]
    internal static partial HeStatus he_squared_norm(ContextHandle ctx, int count, float** tensors, long* lengths, double* result);

    [LibraryImport(Library)]
    internal static partial HeStatus he_adamw_bf16(
        ContextHandle ctx, long outputs, long inputs, float* parameter, float* gradient, float* m, float* v, double learning_rate, double beta1, double beta2,
        double epsilon, double weight_decay, long step, float* gradient_scale, ushort* copy);
}
