namespace HybridEngine.Core;

/// <summary>Products with weight matrices. Sums over the inner dimension run in fixed chunks combined by one fixed tree (docs/numerics.md).</summary>
public interface ILinearKernels
{
    /// <summary>Whether <see cref="CreateWeight"/> makes weights of a type for this many inputs and this arithmetic. Always for float32 in float32.</summary>
    bool CanCreateWeight(DType dtype, long inputs, Arithmetic arithmetic = Arithmetic.Float32);

    /// <summary>A zero weight of this backend's layout; what each pair of a type and an arithmetic is for stands at <see cref="WeightMatrix"/>.</summary>
    /// <exception cref="UnsupportedException">Not <see cref="CanCreateWeight"/>.</exception>
    WeightMatrix CreateWeight(long outputs, long inputs, DType dtype = DType.Float32, Arithmetic arithmetic = Arithmetic.Float32);

    /// <summary>Row-major <c>source [outputs, inputs]</c> of the weight's own type into the backend's layout.</summary>
    void Pack(Tensor source, WeightMatrix destination);

    /// <summary>The backend's layout into row-major <c>destination [outputs, inputs]</c> (float32).</summary>
    void Unpack(WeightMatrix source, Tensor destination);

    /// <summary>A bf16 compute copy from float32 masters: every value rounded to the nearest, ties to even.</summary>
    /// <param name="master">Float32.</param>
    /// <param name="copy">BFloat16 with <see cref="Arithmetic.BFloat16"/>, of the same size; overwritten.</param>
    void Narrow(WeightMatrix master, WeightMatrix copy);

    /// <summary><c>y = x W^T + bias</c>, or <c>y += ...</c> with <paramref name="accumulate"/>. x [rows, inputs], bias [outputs] or empty, y [rows, outputs].</summary>
    /// <remarks>Row r of y depends on row r of x and on W alone, bit for bit. The bias is added last, then the old y. Refuses a float32 weight with another arithmetic: that is a master or a gradient.</remarks>
    void Linear(Tensor x, WeightMatrix w, Tensor bias, Tensor y, bool accumulate = false);

    /// <summary><c>dx = dy W</c>, or <c>dx += dy W</c>. dy [rows, outputs], dx [rows, inputs]. w: float32, or a bf16 compute copy.</summary>
    void LinearBackwardInput(Tensor dy, WeightMatrix w, Tensor dx, bool accumulate = false);

    /// <summary><c>dw += dy^T x</c> and, when given, <c>dBias += sum over rows of dy</c>. dw is float32 with the arithmetic of w.</summary>
    /// <remarks>Deterministic for a given batch, whatever the number of threads. dBias sums dy itself, in float32, in every arithmetic.</remarks>
    void LinearBackwardWeight(Tensor x, Tensor dy, WeightMatrix dw, Tensor dBias);

    /// <summary>LoRA merged out of place: <c>destination = w + scale * b a</c>. a [rank, inputs], b [outputs, rank]; destination may be w.</summary>
    void MergeLora(WeightMatrix w, Tensor a, Tensor b, float scale, WeightMatrix destination);
}
