using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Finds the parameters of a base that an adapter's modules change: names with or without the body's prefix, parts of fused tensors, heads that the base ties to its table.</summary>
internal sealed class LoraFit
{
    private static readonly string[] _scores = ["score", "v_head"];

    private readonly LoraFiles _files;
    private readonly DecoderConfig _config;
    private readonly string _bodyPrefix;
    private readonly Dictionary<string, List<ParameterBinding>> _modules = [];

    public LoraFit(LoraFiles files, DecoderConfig config, IReadOnlyList<ParameterBinding> bindings)
    {
        (_files, _config) = (files, config);
        _bodyPrefix = ModelFamilies.Get(files.Path, config.Family).BodyPrefix;
        foreach (ParameterBinding binding in bindings)
        {
            if (binding.IsVector || !binding.TensorName.EndsWith(".weight", StringComparison.Ordinal)) { continue; }
            string module = binding.TensorName[..^".weight".Length];
            if (!_modules.TryGetValue(module, out List<ParameterBinding>? parts)) { _modules[module] = parts = []; }
            parts.Add(binding);
        }

        // A tied head is a module of its own in transformers, whose adapter leaves the table as it is.
        if (config.TiedEmbeddings) { _modules.TryAdd("lm_head", [TiedHead(config)]); }
    }

    /// <summary>The head of a base that ties it to the token table, as a parameter of its own.</summary>
    public static ParameterBinding TiedHead(DecoderConfig config) =>
        new(ParameterRole.Head, -1, false, "lm_head.weight", config.VocabularySize, config.EmbeddingSize, FusedRows: config.VocabularySize);

    public LoraWeights Weights()
    {
        List<LoraDelta> changes = [];
        foreach (StoredLoraModule module in _files.Modules) { Add(module, changes); }
        Dictionary<ParameterBinding, float[]> replaced = [];
        float[]? score = null;
        foreach ((string name, StoredTensor tensor) in _files.Saved)
        {
            string module = name[..name.LastIndexOf('.')];
            if (_scores.Contains(module) && name.EndsWith(".weight", StringComparison.Ordinal) && tensor.Count == _config.EmbeddingSize) { score = tensor.ToArray(); }
            else { Replace(module, name, tensor, replaced); }
        }

        return new LoraWeights(changes, replaced, score);
    }

    private void Add(StoredLoraModule module, List<LoraDelta> changes)
    {
        List<ParameterBinding> parts = Find(module.Name)
            ?? throw new InvalidInputException(Where(module.Down), $"module {module.Name}", $"a linear layer of this {_config.Family} model: {string.Join(", ", _modules.Keys.Select(k => k[(k.LastIndexOf('.') + 1)..]).Distinct())}");
        ParameterBinding first = parts[0];
        bool table = first.Role == ParameterRole.Embedding;
        if (table != module.IsEmbedding) { throw new UnsupportedException(Where(module.Down), $"{(module.IsEmbedding ? "lora_embedding_A" : "lora_A")} of {first.Role}", table ? "lora_embedding_A and lora_embedding_B" : "lora_A and lora_B"); }
        if (first.Role == ParameterRole.PositionEmbedding) { throw new UnsupportedException(Where(module.Down), "an adapter of learned positions", "linear layers, the token table and the vocabulary head"); }
        (int inputs, int outputs) = table ? (first.Rows, first.Columns) : (first.Columns, first.FusedRows);
        if (module.Down.Shape[1] != inputs) { throw new InvalidInputException(Where(module.Down), StoredTensor.Describe(module.Down.Shape), $"[{module.Rank}, {inputs}], by the base"); }
        if (module.Up.Shape[0] != outputs) { throw new InvalidInputException(Where(module.Up), StoredTensor.Describe(module.Up.Shape), $"[{outputs}, {module.Rank}], by the base"); }

        float[] down = module.Down.ToArray(), up = module.Up.ToArray();
        float[]? bias = module.Bias?.ToArray(), magnitude = module.Magnitude?.ToArray();
        if (table) { down = Transposed(down, module.Rank); }
        foreach (ParameterBinding part in parts)
        {
            changes.Add(table ? new LoraDelta(part, module.Name, module.Rank, (float)module.Scale, down, up)
                : new LoraDelta(part, module.Name, module.Rank, (float)module.Scale, down, Rows(part, up, module.Rank)!, Rows(part, bias, 1), Rows(part, magnitude, 1)));
        }
    }

    // The part's own rows of what belongs to a fused module.
    private static float[]? Rows(ParameterBinding part, float[]? fused, int width)
    {
        if (fused is null) { return null; }
        float[] rows = new float[part.Rows * width];
        foreach ((int row, int stored, int count) in part.Runs()) { fused.AsSpan(stored * width, count * width).CopyTo(rows.AsSpan(row * width)); }
        return rows;
    }

    private void Replace(string module, string name, StoredTensor tensor, Dictionary<ParameterBinding, float[]> replaced)
    {
        ParameterBinding? target = Find(module)?[0];
        if (target is not { Role: ParameterRole.Embedding or ParameterRole.Head } || !name.EndsWith(".weight", StringComparison.Ordinal))
        {
            throw new UnsupportedException(Where(tensor), $"modules_to_save of {name}", "the token table, the vocabulary head, a score with one label");
        }

        if (!tensor.Shape.SequenceEqual([target.Rows, target.Columns])) { throw new InvalidInputException(Where(tensor), StoredTensor.Describe(tensor.Shape), $"[{target.Rows}, {target.Columns}], by the base (a resized vocabulary needs a base of that size)"); }
        replaced[target] = tensor.ToArray();
    }

    // An adapter of the bare body (a reward model's, an embedder's) leaves the body's prefix out.
    private List<ParameterBinding>? Find(string module) =>
        _modules.TryGetValue(module, out List<ParameterBinding>? parts) || _modules.TryGetValue(_bodyPrefix + module, out parts) ? parts : null;

    private static float[] Transposed(float[] rows, int count)
    {
        int width = rows.Length / count;
        float[] result = new float[rows.Length];
        for (int r = 0; r < count; r++)
        {
            for (int c = 0; c < width; c++) { result[c * count + r] = rows[r * width + c]; }
        }

        return result;
    }

    private static string Where(StoredTensor tensor) => $"{tensor.FilePath}: tensor {tensor.Name}";
}
