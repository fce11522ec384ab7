namespace HybridEngine.Models;

/// <summary>Where a parameter is in a GGUF file.</summary>
/// <param name="Stored">Tensor, first row and rows of the whole there.</param>
/// <param name="InterleavedHeads">When positive, the rows of each of that many heads lie in interleaved rotary order.</param>
/// <param name="Offset">What the stored values are more than the parameter's.</param>
/// <param name="Stacked">One of the experts that share a tensor [experts, rows, columns].</param>
internal sealed record GgufPlace(ParameterBinding Stored, int InterleavedHeads = 0, float Offset = 0, bool Stacked = false)
{
    /// <summary>Extents of the whole tensor.</summary>
    public long[] Shape => Stored.IsVector ? [Stored.FusedRows] : Stacked ? [Stored.FusedRows / Stored.Rows, Stored.Rows, Stored.Columns] : [Stored.FusedRows, Stored.Columns];
}

/// <summary>The places of all parameters of a model in a GGUF file: its architecture's names walked with the model's configuration.</summary>
internal sealed class GgufLayout
{
    private readonly Dictionary<(ParameterRole, int, bool, int), GgufPlace> _places = [];

    /// <param name="architecture">Names and differences.</param>
    /// <param name="config">The model.</param>
    /// <param name="fused">Whether query, key and value share a tensor; null: as the architecture has it.</param>
    public GgufLayout(GgufArchitecture architecture, DecoderConfig config, bool? fused = null)
    {
        TensorNames names = fused is { } joined ? architecture.Names with { QueryKeyValue = joined ? GgufArchitecture.FusedQueryKeyValue : null } : architecture.Names;
        foreach (ParameterBinding binding in names.Bind(config)) { _places.Add(KeyOf(binding), Place(architecture, config, binding)); }
    }

    /// <summary>Where a parameter of the model is.</summary>
    public GgufPlace this[ParameterBinding binding] => _places[KeyOf(binding)];

    private static (ParameterRole, int, bool, int) KeyOf(ParameterBinding b) => (b.Role, b.Layer, b.IsBias, b.Expert);

    private static GgufPlace Place(GgufArchitecture architecture, DecoderConfig config, ParameterBinding binding)
    {
        if (binding.Expert >= 0)
        {
            string name = $"blk.{binding.Layer}.{binding.Role switch { ParameterRole.Gate => architecture.Names.ExpertGate, ParameterRole.Up => architecture.Names.ExpertUp, _ => architecture.Names.ExpertDown }}.weight";
            return new GgufPlace(binding with { TensorName = name, RowStart = binding.Expert * binding.Rows, FusedRows = config.Experts!.Count * binding.Rows }, Stacked: true);
        }

        int heads = !architecture.InterleavedRotary ? 0 : binding.Role switch { ParameterRole.Query => config.QueryHeads, ParameterRole.Key => config.KeyHeads, _ => 0 };
        return new GgufPlace(binding, heads, binding.IsVector && !binding.IsBias ? architecture.NormOffset : 0);
    }

    /// <summary>The tensor of one expert alone, as the first files of Mixtral have it.</summary>
    public static GgufPlace Unstacked(GgufPlace place)
    {
        ParameterBinding stored = place.Stored;
        string stem = stored.Role switch { ParameterRole.Gate => "ffn_gate", ParameterRole.Up => "ffn_up", _ => "ffn_down" };
        return new GgufPlace(stored with { TensorName = $"blk.{stored.Layer}.{stem}.{stored.Expert}.weight", RowStart = 0, FusedRows = stored.Rows });
    }
}
