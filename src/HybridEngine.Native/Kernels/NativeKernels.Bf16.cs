using HybridEngine.Core;

namespace HybridEngine.Native;

// Weights in bf16 arithmetic; arguments have been checked.
public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void Narrow(WeightMatrix master, WeightMatrix copy)
    {
        Contract.Narrow(Device, master, copy);
        NativeMethods.he_bf16_narrow(_context, Packed(master, nameof(master)), master.Outputs, master.Inputs, Bf16(copy, nameof(copy))).Check();
    }

    private void PackBf16(Tensor source, WeightMatrix destination) =>
        NativeMethods.he_bf16_pack(_context, (ushort*)AddressOf(source), RowStride(source), destination.Outputs, destination.Inputs, Bf16(destination, nameof(destination))).Check();

    private void UnpackBf16(WeightMatrix source, Tensor destination) =>
        NativeMethods.he_bf16_unpack(_context, Bf16(source, nameof(source)), source.Outputs, source.Inputs, F32(destination), RowStride(destination)).Check();

    private void LinearBf16(Tensor x, WeightMatrix w, Tensor bias, Tensor y, bool accumulate) =>
        NativeMethods.he_bf16_forward(
            _context, F32(x), RowStride(x), x.Shape[0], w.Inputs, Bf16(w, nameof(w)), w.Outputs, F32(bias), F32(y), RowStride(y), Flag(accumulate)).Check();

    private void LinearBackwardInputBf16(Tensor dy, WeightMatrix w, Tensor dx, bool accumulate) =>
        NativeMethods.he_bf16_backward_input(
            _context, F32(dy), RowStride(dy), dy.Shape[0], w.Outputs, Bf16(w, nameof(w)), w.Inputs, F32(dx), RowStride(dx), Flag(accumulate)).Check();

    private void LinearBackwardWeightBf16(Tensor x, Tensor dy, WeightMatrix dw, Tensor dBias) =>
        NativeMethods.he_bf16_backward_weight(
            _context, F32(x), RowStride(x), F32(dy), RowStride(dy), x.Shape[0], dw.Inputs, dw.Outputs, Packed(dw, nameof(dw)), F32(dBias)).Check();

    private void EmbedBf16(Tensor ids, WeightMatrix table, Tensor y, float scale, int offset, bool accumulate) =>
        NativeMethods.he_bf16_embed(
            _context, I32(ids), ids.Count, Bf16(table, nameof(table)), table.Outputs, table.Inputs, scale, offset, F32(y), RowStride(y), Flag(accumulate)).Check();

    private void LogProbsBf16(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logProb, Tensor logSumExp, Tensor entropy) =>
        NativeMethods.he_bf16_log_probs(
            _context, F32(hidden), RowStride(hidden), hidden.Shape[0], head.Inputs, Bf16(head, nameof(head)), head.Outputs, F32(bias), I32(targets),
            options.Temperature, options.SoftCap, F32(logProb), F32(logSumExp), F32(entropy)).Check();

    private void LogitsBf16(Tensor hidden, WeightMatrix head, Tensor bias, float softCap, Tensor y) =>
        NativeMethods.he_bf16_logits(
            _context, F32(hidden), RowStride(hidden), hidden.Shape[0], head.Inputs, Bf16(head, nameof(head)), head.Outputs, F32(bias), softCap, F32(y), RowStride(y)).Check();

    // As Packed: another backend's layout has another length.
    private ushort* Bf16(WeightMatrix w, string name)
    {
        long length = NativeMethods.he_bf16_length(w.Outputs, w.Inputs);
        Tensor storage = w.Storage;
        return storage.DType == DType.BFloat16 && storage.Count == length
            ? (ushort*)AddressOf(storage)
            : throw new ArgumentException($"{name} is {w} with {storage.Count} stored elements of {storage.DType}, expected {length} BFloat16 in the native backend's layout.", name);
    }
}
