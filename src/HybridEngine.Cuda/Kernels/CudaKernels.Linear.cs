using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    /// <inheritdoc />
    public bool CanCreateWeight(DType dtype, long inputs, Arithmetic arithmetic = Arithmetic.Float32) => (dtype, arithmetic) is (DType.Float32, not Arithmetic.Int8) or (DType.BFloat16, Arithmetic.BFloat16);

    /// <inheritdoc />
    /// <remarks>Rows of W, each filled up with zeros to a multiple of 8 elements: sixteen-byte loads of bf16 rows, and one layout for masters, gradients and compute copies.</remarks>
    public WeightMatrix CreateWeight(long outputs, long inputs, DType dtype = DType.Float32, Arithmetic arithmetic = Arithmetic.Float32)
    {
        Contract.CreateWeight(outputs, inputs);
        if (!CanCreateWeight(dtype, inputs, arithmetic)) { throw new UnsupportedException(nameof(dtype), $"backend cuda: a {dtype} weight of {inputs} inputs in {arithmetic} arithmetic", "Float32; BFloat16 with Float32 or BFloat16 weights"); }
        return new WeightMatrix(outputs, inputs, Allocate(dtype, checked(outputs * WeightStride(inputs))), dtype, arithmetic);
    }

    /// <inheritdoc />
    public void Pack(Tensor source, WeightMatrix destination)
    {
        Contract.Pack(Device, source, destination);
        Copy(source, Values(destination));
    }

    /// <inheritdoc />
    public void Unpack(WeightMatrix source, Tensor destination)
    {
        Contract.Unpack(Device, source, destination);
        if (source.DType == DType.Float32) { Copy(Values(source), destination); }
        else { Cast(Values(source), destination); }
    }

    /// <inheritdoc />
    public void Narrow(WeightMatrix master, WeightMatrix copy)
    {
        Contract.Narrow(Device, master, copy);
        Cast(Values(master), Values(copy));
    }

    /// <inheritdoc />
    public void Linear(Tensor x, WeightMatrix w, Tensor bias, Tensor y, bool accumulate = false) => throw Missing(nameof(Linear));

    /// <inheritdoc />
    public void LinearBackwardInput(Tensor dy, WeightMatrix w, Tensor dx, bool accumulate = false) => throw Missing(nameof(LinearBackwardInput));

    /// <inheritdoc />
    public void LinearBackwardWeight(Tensor x, Tensor dy, WeightMatrix dw, Tensor dBias) => throw Missing(nameof(LinearBackwardWeight));

    /// <inheritdoc />
    public void MergeLora(WeightMatrix w, Tensor a, Tensor b, float scale, WeightMatrix destination) => throw Missing(nameof(MergeLora));

    // Elements from one row of a weight to the next.
    private static long WeightStride(long inputs) => (inputs + 7) / 8 * 8;

    // A weight's values without the filling: [outputs, inputs].
    private static Tensor Values(WeightMatrix w) => new(w.Storage.Memory!, w.Storage.DType, new Shape(w.Outputs, w.Inputs), new Shape(WeightStride(w.Inputs), 1), w.Storage.Offset);
}
