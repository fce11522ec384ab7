namespace HybridEngine.Models;

/// <summary>Where transformers 5 has a parameter in memory, and in files that it saved without converting names back: all experts of a layer in one tensor, every head under one name.</summary>
internal static class UnconvertedTensors
{
    /// <summary>The parameter under that name and the extents of its tensor; null for those that have one name only.</summary>
    public static (ParameterBinding Stored, long[] Shape)? Of(DecoderConfig config, TensorNames names, ParameterBinding binding)
    {
        if (binding.Role == ParameterRole.Head)
        {
            return (binding with { TensorName = binding.IsBias ? "lm_head.bias" : "lm_head.weight" }, binding.IsBias ? [binding.Rows] : [binding.Rows, binding.Columns]);
        }

        if (config.Experts is not { } experts || !config.GatedMlp) { return null; }
        string mlp = $"{names.Block}{binding.Layer}.mlp.";
        if (binding.Role == ParameterRole.Router) { return (binding with { TensorName = mlp + "gate.weight" }, [binding.Rows, binding.Columns]); }
        if (binding.Expert < 0) { return null; }
        bool down = binding.Role == ParameterRole.Down;
        int rows = down ? binding.Rows : 2 * binding.Rows, first = binding.Role == ParameterRole.Up ? binding.Rows : 0;
        ParameterBinding stored = binding with
        {
            TensorName = mlp + (down ? "experts.down_proj" : "experts.gate_up_proj"),
            RowStart = binding.Expert * rows + first,
            FusedRows = experts.Count * rows,
        };
        return (stored, [experts.Count, rows, binding.Columns]);
    }
}
