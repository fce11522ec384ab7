using HybridEngine.Core;

namespace HybridEngine.Native;

// Weights in their own width, times activations in float32 or in 8 bits; arguments have been checked. The type's number is the enum's.
public sealed unsafe partial class NativeKernels
{
    private static bool IsBlocks(DType dtype, long inputs) => dtype.BlockLength() > 1 && CompactLength(dtype, 1, inputs) >= 0;

    private WeightMatrix CreateCompact(long outputs, long inputs, DType dtype, Arithmetic arithmetic)
    {
        long bytes = CompactLength(dtype, outputs, inputs);
        return bytes >= 0
            ? new WeightMatrix(outputs, inputs, Allocate(DType.UInt8, bytes), dtype, arithmetic)
            : throw new UnsupportedException(nameof(dtype), $"a {dtype} weight of {inputs} inputs", "Float32; or BFloat16, Float16, Q8_0, Q4_0 or Q4_1 with a multiple of 32 inputs, Q2_K to Q6_K of 256");
    }

    private void PackCompact(Tensor source, WeightMatrix destination)
    {
        if (!source.IsContiguous) { throw new ArgumentException($"{nameof(source)} is {source} with strides {source.Strides}, expected a dense tensor.", nameof(source)); }
        NativeMethods.he_compact_pack(_context, (int)destination.DType, AddressOf(source), destination.Outputs, destination.Inputs, Compact(destination, nameof(destination))).Check();
    }

    private void UnpackCompact(WeightMatrix source, Tensor destination) =>
        NativeMethods.he_compact_unpack(_context, (int)source.DType, Compact(source, nameof(source)), source.Outputs, source.Inputs, F32(destination), RowStride(destination)).Check();

    private void LinearCompact(Tensor x, WeightMatrix w, Tensor bias, Tensor y, bool accumulate)
    {
        void* weight = Compact(w, nameof(w));
        HeStatus status = w.Arithmetic == Arithmetic.Int8
            ? NativeMethods.he_int8_linear(_context, (int)w.DType, F32(x), RowStride(x), x.Shape[0], w.Inputs, weight, w.Outputs, F32(bias), F32(y), RowStride(y), Flag(accumulate))
            : NativeMethods.he_compact_linear(_context, (int)w.DType, F32(x), RowStride(x), x.Shape[0], w.Inputs, weight, w.Outputs, F32(bias), F32(y), RowStride(y), Flag(accumulate));
        status.Check();
    }

    private void EmbedCompact(Tensor ids, WeightMatrix table, Tensor y, float scale, int offset, bool accumulate) =>
        NativeMethods.he_compact_embed(
            _context, (int)table.DType, I32(ids), ids.Count, Compact(table, nameof(table)), table.Outputs, table.Inputs, scale, offset, F32(y), RowStride(y), Flag(accumulate)).Check();

    private void LogProbsCompact(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logProb, Tensor logSumExp, Tensor entropy)
    {
        void* weight = Compact(head, nameof(head));
        HeStatus status = head.Arithmetic == Arithmetic.Int8
            ? NativeMethods.he_int8_log_probs(
                _context, (int)head.DType, F32(hidden), RowStride(hidden), hidden.Shape[0], head.Inputs, weight, head.Outputs, F32(bias), I32(targets),
                options.Temperature, options.SoftCap, F32(logProb), F32(logSumExp), F32(entropy))
            : NativeMethods.he_compact_log_probs(
                _context, (int)head.DType, F32(hidden), RowStride(hidden), hidden.Shape[0], head.Inputs, weight, head.Outputs, F32(bias), I32(targets),
                options.Temperature, options.SoftCap, F32(logProb), F32(logSumExp), F32(entropy));
        status.Check();
    }

    private void LogitsCompact(Tensor hidden, WeightMatrix head, Tensor bias, float softCap, Tensor y)
    {
        void* weight = Compact(head, nameof(head));
        HeStatus status = head.Arithmetic == Arithmetic.Int8
            ? NativeMethods.he_int8_logits(
                _context, (int)head.DType, F32(hidden), RowStride(hidden), hidden.Shape[0], head.Inputs, weight, head.Outputs, F32(bias), softCap, F32(y), RowStride(y))
            : NativeMethods.he_compact_logits(
                _context, (int)head.DType, F32(hidden), RowStride(hidden), hidden.Shape[0], head.Inputs, weight, head.Outputs, F32(bias), softCap, F32(y), RowStride(y));
        status.Check();
    }

    private static long CompactLength(DType dtype, long outputs, long inputs) => NativeMethods.he_compact_length((int)dtype, outputs, inputs);

    // As Packed: another backend's layout has another length.
    private void* Compact(WeightMatrix w, string name)
    {
        long length = CompactLength(w.DType, w.Outputs, w.Inputs);
        Tensor storage = w.Storage;
        return storage.DType == DType.UInt8 && storage.Count == length
            ? AddressOf(storage)
            : throw new ArgumentException($"{name} is {w} with {storage.Count} stored elements of {storage.DType}, expected {length} bytes in the native backend's layout.", name);
    }
}
