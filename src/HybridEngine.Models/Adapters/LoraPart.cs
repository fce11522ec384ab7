using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>The change of one parameter within a <see cref="LoraProjection"/>.</summary>
internal sealed class LoraPart : IDisposable
{
    private readonly Tensor _bias;      // [rows], scaled; or empty
    private readonly Tensor _factors;   // [rows] of a weight-decomposed part; or empty
    private readonly Tensor _terms;     // [rows]: what the factors must not touch of the base's bias; or empty

    public LoraPart(IKernels kernels, LoraDelta change, int firstColumn, int firstRank, bool isFirstOfModule)
    {
        (Change, FirstColumn, FirstRank, IsFirstOfModule) = (change, firstColumn, firstRank, isFirstOfModule);
        ParameterBinding target = change.Target;
        Up = new Parameter(kernels, new ParameterBinding(target.Role, target.Layer, false, $"{change.Module}.lora_B.weight", target.Rows, change.Rank, FusedRows: target.Rows));
        Up.Set(change.Up);
        if (change.Bias is { } bias)
        {
            _bias = kernels.Allocate(DType.Float32, target.Rows);
            kernels.Upload<float>([.. bias.Select(b => (float)((double)change.Scale * b))], _bias);
        }

        if (change.Magnitude is null) { return; }
        _factors = kernels.Allocate(DType.Float32, target.Rows);
        _terms = kernels.Allocate(DType.Float32, target.Rows);
    }

    public LoraDelta Change { get; }

    public Parameter Up { get; }

    /// <summary>First column in the map's output.</summary>
    public int FirstColumn { get; }

    /// <summary>First column in the product with all A.</summary>
    public int FirstRank { get; }

    public long Bytes => Up.Value.Memory!.Bytes + (_bias.Memory?.Bytes ?? 0) + (_factors.Memory?.Bytes ?? 0) + (_terms.Memory?.Bytes ?? 0);

    /// <summary>No part before it belongs to the same module.</summary>
    public bool IsFirstOfModule { get; }

    public void Add(IKernels kernels, Tensor inner, Tensor y)
    {
        kernels.Linear(inner, Up.Matrix!, _bias, y, accumulate: true);
        if (!_factors.IsEmpty) { kernels.ScaleColumns(y, _factors, _terms, y); }
    }

    // y holds W x + b + change: f (W x + change) + b = f y + (1 - f) b.
    public void Refresh(IKernels kernels, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
    {
        if (_factors.IsEmpty) { return; }
        float[] factors = Change.RowFactors(weight), terms = new float[factors.Length];
        for (int r = 0; r < terms.Length && !bias.IsEmpty; r++) { terms[r] = (float)((1.0 - factors[r]) * bias[FirstColumn + r]); }
        kernels.Upload<float>(factors, _factors);
        kernels.Upload<float>(terms, _terms);
    }

    public void Dispose()
    {
        Up.Dispose();
        _bias.Memory?.Dispose();
        _factors.Memory?.Dispose();
        _terms.Memory?.Dispose();
    }
}
