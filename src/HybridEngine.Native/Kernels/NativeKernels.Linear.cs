using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public bool CanCreateWeight(DType dtype, long inputs, Arithmetic arithmetic = Arithmetic.Float32) =>
        arithmetic switch
        {
            Arithmetic.Float32 => dtype == DType.Float32 || CompactLength(dtype, 1, inputs) >= 0,
            Arithmetic.BFloat16 => dtype is DType.Float32 or DType.BFloat16,
            _ => IsBlocks(dtype, inputs),
        };

    /// <inheritdoc />
    public WeightMatrix CreateWeight(long outputs, long inputs, DType dtype = DType.Float32, Arithmetic arithmetic = Arithmetic.Float32)
    {
        Contract.CreateWeight(outputs, inputs);
        return (dtype, arithmetic) switch
        {
            (DType.Float32, Arithmetic.Float32 or Arithmetic.BFloat16) =>
                new WeightMatrix(outputs, inputs, Allocate(DType.Float32, NativeMethods.he_linear_packed_length(outputs, inputs)), dtype, arithmetic),
            (DType.BFloat16, Arithmetic.BFloat16) => new WeightMatrix(outputs, inputs, Allocate(DType.BFloat16, NativeMethods.he_bf16_length(outputs, inputs)), dtype, arithmetic),
            (_, Arithmetic.Float32) => CreateCompact(outputs, inputs, dtype, arithmetic),
            (_, Arithmetic.Int8) when IsBlocks(dtype, inputs) => CreateCompact(outputs, inputs, dtype, arithmetic),
            _ => throw new UnsupportedException(nameof(arithmetic), $"a {dtype} weight of {inputs} inputs in {arithmetic} arithmetic", "Float32; BFloat16 with Float32 or BFloat16 weights; Int8 with whole blocks of Q8_0, Q4_0, Q4_1 or Q2_K to Q6_K"),
        };
    }

    /// <inheritdoc />
    public void Pack(Tensor source, WeightMatrix destination)
    {
        Contract.Pack(Device, source, destination);
        if (destination.DType != DType.Float32)
        {
            if (destination.Arithmetic == Arithmetic.BFloat16) { PackBf16(source, destination); }
            else { PackCompact(source, destination); }
            return;
        }

        NativeMethods.he_linear_pack(_context, F32(source), RowStride(source), destination.Outputs, destination.Inputs, Packed(destination, nameof(destination))).Check();
    }

    /// <inheritdoc />
    public void Unpack(WeightMatrix source, Tensor destination)
    {
        Contract.Unpack(Device, source, destination);
        if (source.DType != DType.Float32)
        {
            if (source.Arithmetic == Arithmetic.BFloat16) { UnpackBf16(source, destination); }
            else { UnpackCompact(source, destination); }
            return;
        }

        NativeMethods.he_linear_unpack(_context, Packed(source, nameof(source)), source.Outputs, source.Inputs, F32(destination), RowStride(destination)).Check();
    }

    /// <inheritdoc />
    public void Linear(Tensor x, WeightMatrix w, Tensor bias, Tensor y, bool accumulate = false)
    {
        Contract.Linear(Device, x, w, bias, y);
        if (w.DType != DType.Float32)
        {
            if (w.Arithmetic == Arithmetic.BFloat16) { LinearBf16(x, w, bias, y, accumulate); }
            else { LinearCompact(x, w, bias, y, accumulate); }
            return;
        }

        NativeMethods.he_linear_forward(
            _context, F32(x), RowStride(x), x.Shape[0], w.Inputs, Packed(w, nameof(w)), w.Outputs, F32(bias), F32(y), RowStride(y), Flag(accumulate)).Check();
    }

    /// <inheritdoc />
    public void LinearBackwardInput(Tensor dy, WeightMatrix w, Tensor dx, bool accumulate = false)
    {
        Contract.LinearBackwardInput(Device, dy, w, dx);
        if (w.Arithmetic == Arithmetic.BFloat16)
        {
            LinearBackwardInputBf16(dy, w, dx, accumulate);
            return;
        }

        NativeMethods.he_linear_backward_input(
            _context, F32(dy), RowStride(dy), dy.Shape[0], w.Outputs, Packed(w, nameof(w)), w.Inputs, F32(dx), RowStride(dx), Flag(accumulate)).Check();
    }

    /// <inheritdoc />
    public void LinearBackwardWeight(Tensor x, Tensor dy, WeightMatrix dw, Tensor dBias)
    {
        Contract.LinearBackwardWeight(Device, x, dy, dw, dBias);
        if (dw.Arithmetic == Arithmetic.BFloat16)
        {
            LinearBackwardWeightBf16(x, dy, dw, dBias);
            return;
        }

        NativeMethods.he_linear_backward_weight(
            _context, F32(x), RowStride(x), F32(dy), RowStride(dy), x.Shape[0], dw.Inputs, dw.Outputs, Packed(dw, nameof(dw)), F32(dBias)).Check();
    }

    /// <inheritdoc />
    public void MergeLora(WeightMatrix w, Tensor a, Tensor b, float scale, WeightMatrix destination)
    {
        Contract.MergeLora(Device, w, a, b, destination);
        NativeMethods.he_linear_merge_lora(
            _context, Packed(w, nameof(w)), w.Outputs, w.Inputs, F32(a), RowStride(a), F32(b), RowStride(b), a.Shape[0], scale, Packed(destination, nameof(destination))).Check();
    }

    // The address of a weight, after making sure that it was made by this backend: another one's layout has another length.
    private float* Packed(WeightMatrix w, string name)
    {
        long length = NativeMethods.he_linear_packed_length(w.Outputs, w.Inputs);
        Tensor storage = w.Storage;
        return storage.DType == DType.Float32 && storage.Count == length
            ? (float*)AddressOf(storage)
            : throw new ArgumentException($"{name} is {w} with {storage.Count} elements, expected {length} Float32 in the native backend's layout.", name);
    }
}
