using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>An adapter's token table: a whole one in place of the base's, a low-rank change of it, or both.</summary>
internal sealed class LoraTable : IDisposable
{
    private readonly Parameter? _whole; // [vocabulary, width]
    private readonly Parameter? _down;  // [vocabulary, rank]
    private readonly Parameter? _up;    // [width, rank]
    private readonly float _scale;

    public LoraTable(IKernels kernels, Parameter table, float[]? whole, LoraDelta? change)
    {
        if (whole is not null)
        {
            _whole = new Parameter(kernels, table.Bindings);
            _whole.Set(whole);
        }

        if (change is null) { return; }
        _down = new Parameter(kernels, new ParameterBinding(ParameterRole.Embedding, -1, false, $"{change.Module}.lora_embedding_A", table.Rows, change.Rank));
        _up = new Parameter(kernels, new ParameterBinding(ParameterRole.Embedding, -1, false, $"{change.Module}.lora_embedding_B", table.Columns, change.Rank));
        _down.Set(change.Down);
        _up.Set(change.Up);
        _scale = change.Scale;
    }

    public long Bytes => new[] { _whole, _down, _up }.Sum(p => p?.Value.Memory!.Bytes ?? 0);

    /// <summary>Rows of the base's table become those of the adapter.</summary>
    /// <param name="kernels">Where it lives.</param>
    /// <param name="pool">For the rank's intermediate.</param>
    /// <param name="ids">[rows] int32.</param>
    /// <param name="y">[rows, width]: the base's rows.</param>
    /// <param name="scale">The model's own factor of the table.</param>
    public void Apply(IKernels kernels, TensorPool pool, Tensor ids, Tensor y, float scale)
    {
        if (_whole is not null) { kernels.Embed(ids, _whole.Matrix!, y, scale); }
        if (_down is null) { return; }
        Tensor inner = pool.Rent(DType.Float32, ids.Count, _down.Columns);
        kernels.Embed(ids, _down.Matrix!, inner, scale * _scale);
        kernels.Linear(inner, _up!.Matrix!, default, y, accumulate: true);
        pool.Return(inner);
    }

    public void Dispose()
    {
        foreach (Parameter? p in (ReadOnlySpan<Parameter?>)[_whole, _down, _up]) { p?.Dispose(); }
    }
}
