using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>The low-rank changes of one linear map of the decoder, on the device. Modules that the decoder keeps as rows of one matrix (query, key, value; gate, up) share one product with A.</summary>
/// <remarks>A and B are kept as trained, without the scale, each a <see cref="Parameter"/>: what a trainer needs.</remarks>
public sealed class LoraProjection : IDisposable
{
    private readonly Parameter _base;
    private readonly Parameter? _baseBias;
    private readonly LoraPart[] _parts;
    private readonly float _scale; // of all parts, or NaN when they differ

    /// <param name="kernels">Where it lives.</param>
    /// <param name="weight">The base's matrix.</param>
    /// <param name="bias">The base's bias, or null.</param>
    /// <param name="changes">Of parts of the matrix.</param>
    public LoraProjection(IKernels kernels, Parameter weight, Parameter? bias, IReadOnlyList<LoraDelta> changes)
    {
        (_base, _baseBias) = (weight, bias);
        LoraDelta[] modules = [.. changes.DistinctBy(c => c.Module)];
        Down = new Parameter(kernels, [.. modules.Select(m => new ParameterBinding(m.Target.Role, m.Target.Layer, false, $"{m.Module}.lora_A.weight", m.Rank, m.Target.Columns, FusedRows: m.Rank))]);
        Down.Set([.. modules.SelectMany(m => m.Down)]);
        // Parts of one module share their columns of the product with A and have one scale: the first of them applies it.
        _parts = [.. changes.Select(c => new LoraPart(kernels, c, FirstColumn(weight, c.Target), modules.TakeWhile(m => m.Module != c.Module).Sum(m => m.Rank), modules.Contains(c)))];
        Up = Array.ConvertAll(_parts, p => p.Up);
        _scale = _parts.All(p => p.Change.Scale == _parts[0].Change.Scale) ? _parts[0].Change.Scale : float.NaN;
    }

    /// <summary>A of all modules, one after the other: [sum of ranks, inputs].</summary>
    public Parameter Down { get; }

    /// <summary>B of each changed part of the matrix: [outputs, rank].</summary>
    public IReadOnlyList<Parameter> Up { get; }

    /// <summary>True when something here was computed from the base's weights.</summary>
    public bool DependsOnBase => Array.Exists(_parts, p => p.Change.Magnitude is not null);

    /// <summary>Bytes on the device.</summary>
    public long Bytes => Down.Value.Memory!.Bytes + _parts.Sum(p => p.Bytes);

    /// <summary>Adds the changes to some rows of the map's output. Every row on its own: nothing depends on which rows come together.</summary>
    /// <param name="kernels">Where it lives.</param>
    /// <param name="pool">For the rank's intermediate.</param>
    /// <param name="x">[rows, inputs] of the map.</param>
    /// <param name="y">[rows, outputs] of the map, the base's product (and bias) in it.</param>
    public void Apply(IKernels kernels, TensorPool pool, Tensor x, Tensor y)
    {
        Tensor inner = pool.Rent(DType.Float32, x.Shape[0], Down.Rows);
        kernels.Linear(x, Down.Matrix!, default, inner);
        if (!float.IsNaN(_scale)) { Scale(kernels, inner, _scale); }
        foreach (LoraPart part in _parts)
        {
            Tensor narrow = inner.Slice(1, part.FirstRank, part.Change.Rank);
            if (float.IsNaN(_scale) && part.IsFirstOfModule) { Scale(kernels, narrow, part.Change.Scale); }
            part.Add(kernels, narrow, y.Slice(1, part.FirstColumn, part.Change.Target.Rows));
        }

        pool.Return(inner);
    }

    /// <summary>Computes anew what depends on the base's weights.</summary>
    public void Refresh(IKernels kernels)
    {
        if (!DependsOnBase) { return; }
        float[] weight = _base.ToArray(), bias = _baseBias?.ToArray() ?? [];
        foreach (LoraPart part in _parts) { part.Refresh(kernels, _base.Part(weight, part.Change.Target), bias); }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Down.Dispose();
        foreach (LoraPart part in _parts) { part.Dispose(); }
    }

    private static void Scale(IKernels kernels, Tensor inner, float scale)
    {
        if (scale != 1) { kernels.Axpby(scale, inner, 0, inner); }
    }

    private static int FirstColumn(Parameter weight, ParameterBinding target) => weight.Bindings.TakeWhile(b => b != target).Sum(b => b.Rows);
}
