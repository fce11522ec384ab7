using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Walks a configuration and lists its parameters under a family's names.</summary>
internal sealed class TensorBinder(TensorNames names, DecoderConfig c)
{
    private readonly List<ParameterBinding> _all = [];

    public IReadOnlyList<ParameterBinding> Bind()
    {
        Matrix(ParameterRole.Embedding, -1, "", names.Embedding, c.VocabularySize, c.EmbeddingSize);
        if (c.Positions == PositionKind.Learned) { Matrix(ParameterRole.PositionEmbedding, -1, "", names.PositionEmbedding, c.MaxPositions + c.PositionOffset, c.HiddenSize); }
        if (c.EmbeddingSize != c.HiddenSize) { Matrix(ParameterRole.ProjectIn, -1, "", names.ProjectIn, c.HiddenSize, c.EmbeddingSize); }
        if (c.EmbeddingNorm) { Norm(ParameterRole.EmbeddingNorm, -1, "", names.EmbeddingNorm, c.HiddenSize); }
        for (int layer = 0; layer < c.Layers; layer++)
        {
            BindAttention(layer, $"{names.Block}{layer}.");
            BindMlp(layer, $"{names.Block}{layer}.");
        }

        if (c.FinalNorm) { Norm(ParameterRole.FinalNorm, -1, "", names.FinalNorm, c.HiddenSize); }
        if (c.EmbeddingSize != c.HiddenSize) { Matrix(ParameterRole.ProjectOut, -1, "", names.ProjectOut, c.EmbeddingSize, c.HiddenSize); }
        if (!c.TiedEmbeddings) { Matrix(ParameterRole.Head, -1, "", names.Head, c.VocabularySize, c.EmbeddingSize); }
        if (c.HeadBias) { Add(new(ParameterRole.Head, -1, true, names.Head + ".bias", c.VocabularySize, 1, FusedRows: c.VocabularySize)); }
        return _all;
    }

    private void BindAttention(int layer, string block)
    {
        if (c.NormPlacement != NormPlacement.Output) { Norm(ParameterRole.AttentionNorm, layer, block, names.AttentionNorm, c.HiddenSize); }
        Projection query = new(ParameterRole.Query, names.Query, c.QueryWidth), key = new(ParameterRole.Key, names.Key, c.KeyWidth), value = new(ParameterRole.Value, names.Value, c.KeyWidth);
        Projections(layer, block, names.QueryKeyValue, names.QueryKeyValueOrder, c.QueryKeyValueBias, query, key, value);
        if (c.QueryKeyNorm != QueryKeyNorm.None)
        {
            bool each = c.QueryKeyNorm == QueryKeyNorm.EachHead;
            Norm(ParameterRole.QueryNorm, layer, block, names.QueryNorm, each ? c.HeadSize : c.QueryWidth);
            Norm(ParameterRole.KeyNorm, layer, block, names.KeyNorm, each ? c.HeadSize : c.KeyWidth);
        }

        Linear(ParameterRole.AttentionOutput, layer, block, names.AttentionOutput, c.HiddenSize, c.QueryWidth, c.AttentionOutputBias);
        if (c.HasOutputNorms) { Norm(ParameterRole.AttentionOutputNorm, layer, block, names.AttentionOutputNorm, c.HiddenSize); }
    }

    private void BindMlp(int layer, string block)
    {
        if (c.NormPlacement != NormPlacement.Output && c.BlockOrder != BlockOrder.ParallelOneNorm) { Norm(ParameterRole.MlpNorm, layer, block, names.MlpNorm, c.HiddenSize); }
        if (c.HasExperts(layer)) { BindExperts(layer, block); }
        else
        {
            Projection gate = new(ParameterRole.Gate, names.Gate, c.IntermediateSize), up = new(ParameterRole.Up, names.Up, c.IntermediateSize);
            if (c.GatedMlp) { Projections(layer, block, names.GateUp, FusedOrder.PartByPart, c.MlpBias, gate, up); }
            else { Projections(layer, block, null, FusedOrder.PartByPart, c.MlpBias, up); }
            Linear(ParameterRole.Down, layer, block, names.Down, c.HiddenSize, c.IntermediateSize, c.MlpBias);
        }

        if (c.HasOutputNorms) { Norm(ParameterRole.MlpOutputNorm, layer, block, names.MlpOutputNorm, c.HiddenSize); }
    }

    private void BindExperts(int layer, string block)
    {
        ExpertConfig experts = c.Experts!;
        Matrix(ParameterRole.Router, layer, block, names.Router, experts.Count, c.HiddenSize);
        for (int e = 0; e < experts.Count; e++)
        {
            string expert = $"{block}{names.Expert}{e}.";
            int inner = experts.IntermediateSize;
            if (c.GatedMlp) { Add(new(ParameterRole.Gate, layer, false, $"{expert}{names.ExpertGate}.weight", inner, c.HiddenSize, FusedRows: inner, Expert: e)); }
            Add(new(ParameterRole.Up, layer, false, $"{expert}{names.ExpertUp}.weight", inner, c.HiddenSize, FusedRows: inner, Expert: e));
            Add(new(ParameterRole.Down, layer, false, $"{expert}{names.ExpertDown}.weight", c.HiddenSize, inner, FusedRows: c.HiddenSize, Expert: e));
        }
    }

    // Parts that read the same input: each with a tensor of its own, or all in one.
    private void Projections(int layer, string block, string? fused, FusedOrder order, bool bias, params ReadOnlySpan<Projection> parts)
    {
        int start = 0, total = 0, stride = 0;
        foreach (Projection part in parts)
        {
            total += part.Rows;
            stride += c.HeadSize;
        }

        foreach (Projection part in parts)
        {
            if (fused is null) { Linear(part.Role, layer, block, part.Name, part.Rows, c.HiddenSize, bias); continue; }
            bool runs = order == FusedOrder.HeadByHead;
            ParameterBinding weight = new(part.Role, layer, false, $"{block}{fused}.weight", part.Rows, c.HiddenSize, names.Transposed, start, total, runs ? c.HeadSize : 0, runs ? stride : 0);
            Add(weight);
            if (bias) { Add(weight with { IsBias = true, TensorName = $"{block}{fused}.bias", Columns = 1, Transposed = false }); }
            start += runs ? c.HeadSize : part.Rows;
        }
    }

    private void Linear(ParameterRole role, int layer, string prefix, string? name, int rows, int columns, bool bias)
    {
        string module = Name(role, prefix, name);
        Add(new(role, layer, false, module + ".weight", rows, columns, names.Transposed, FusedRows: rows));
        if (bias) { Add(new(role, layer, true, module + ".bias", rows, 1, FusedRows: rows)); }
    }

    private void Norm(ParameterRole role, int layer, string prefix, string? name, int width)
    {
        string module = Name(role, prefix, name);
        Add(new(role, layer, false, module + ".weight", width, 1, FusedRows: width));
        if (c.NormBias) { Add(new(role, layer, true, module + ".bias", width, 1, FusedRows: width)); }
    }

    private void Matrix(ParameterRole role, int layer, string prefix, string? name, int rows, int columns) =>
        Add(new(role, layer, false, Name(role, prefix, name) + ".weight", rows, columns, FusedRows: rows));

    private void Add(ParameterBinding binding) => _all.Add(binding);

    private string Name(ParameterRole role, string prefix, string? name) => name is not null ? prefix + name
        : throw new UnsupportedException($"{c.Family} model", $"a parameter {role}", "the parts that this family has");

    private readonly record struct Projection(ParameterRole Role, string? Name, int Rows);
}
