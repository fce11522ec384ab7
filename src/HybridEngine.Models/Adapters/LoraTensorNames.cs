using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Sorts the tensors of an adapter's file by module: A, B, bias and magnitude of each, and what is held whole.</summary>
internal sealed class LoraTensorNames(IEnumerable<StoredTensor> tensors, string prefix)
{
    private static readonly (string Suffix, Part Part)[] _suffixes =
    [
        (".lora_A.weight", Part.Down), (".lora_B.weight", Part.Up), (".lora_B.bias", Part.Bias),
        (".lora_magnitude_vector", Part.Magnitude), (".lora_magnitude_vector.weight", Part.Magnitude),
        (".lora_embedding_A", Part.EmbeddingDown), (".lora_embedding_B", Part.EmbeddingUp),
    ];

    private readonly SortedDictionary<string, Dictionary<Part, StoredTensor>> _modules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StoredTensor> _saved = [];

    private enum Part { Down, Up, Bias, Magnitude, EmbeddingDown, EmbeddingUp }

    public (IReadOnlyList<StoredLoraModule> Modules, IReadOnlyDictionary<string, StoredTensor> Saved) Sort(LoraConfig config)
    {
        foreach (StoredTensor tensor in tensors) { Place(tensor, config); }
        if (_modules.Count == 0 && _saved.Count == 0) { throw new InvalidInputException(config.Source, "no tensors beside it", "an adapter's weights"); }
        foreach (string target in config.TargetModules)
        {
            if (!_modules.Keys.Any(name => EndsWith(name, target))) { throw new InvalidInputException($"{config.Source}: target_modules", $"{target}, which no stored tensor belongs to", "the modules that the adapter holds"); }
        }

        return ([.. _modules.Select(m => Module(m.Key, m.Value, config))], _saved);
    }

    private static bool EndsWith(string name, string module) => name == module || name.EndsWith("." + module, StringComparison.Ordinal);

    private void Place(StoredTensor tensor, LoraConfig config)
    {
        string name = tensor.Name.StartsWith(prefix, StringComparison.Ordinal) ? tensor.Name[prefix.Length..] : tensor.Name;
        if (tensor.Type.DType is not (DType.Float32 or DType.Float16 or DType.BFloat16 or DType.Float64)) { throw new UnsupportedException(Where(tensor), $"element type {tensor.Type.Name}", "F32, F16, BF16, F64"); }
        foreach ((string suffix, Part part) in _suffixes)
        {
            if (!name.EndsWith(suffix, StringComparison.Ordinal)) { continue; }
            string module = name[..^suffix.Length];
            if (!_modules.TryGetValue(module, out Dictionary<Part, StoredTensor>? parts)) { _modules[module] = parts = []; }
            if (!parts.TryAdd(part, tensor)) { throw new InvalidInputException(Where(tensor), $"a second {part} of {module}", "one"); }
            return;
        }

        // PEFT adds the whole table where an embedding is adapted, under the wrapped layer's name.
        name = name.Replace(".base_layer.", ".", StringComparison.Ordinal).Replace(".modules_to_save.", ".", StringComparison.Ordinal);
        bool whole = name.EndsWith(".weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal);
        string owner = whole ? name[..name.LastIndexOf('.')] : name;
        if (!whole || !(config.SavedModules.Any(s => EndsWith(owner, s)) || IsTable(owner))) { throw new UnsupportedException(Where(tensor), "a tensor that is no part of LoRA", "lora_A, lora_B, lora_magnitude_vector, lora_embedding_A, lora_embedding_B and modules_to_save"); }
        if (!_saved.TryAdd(name, tensor)) { throw new InvalidInputException(Where(tensor), $"a second {name}", "one"); }
    }

    // save_embedding_layers writes these without naming them in modules_to_save.
    private static bool IsTable(string module) => EndsWith(module, "embed_tokens") || EndsWith(module, "lm_head") || EndsWith(module, "wte");

    private static StoredLoraModule Module(string name, Dictionary<Part, StoredTensor> parts, LoraConfig config)
    {
        bool embedding = parts.ContainsKey(Part.EmbeddingDown) || parts.ContainsKey(Part.EmbeddingUp);
        StoredTensor down = Require(embedding ? Part.EmbeddingDown : Part.Down), up = Require(embedding ? Part.EmbeddingUp : Part.Up);
        StoredTensor? bias = parts.GetValueOrDefault(Part.Bias), magnitude = parts.GetValueOrDefault(Part.Magnitude);
        if (down.Shape.Count != 2) { throw new UnsupportedException(Where(down), $"a tensor of shape {StoredTensor.Describe(down.Shape)}", "matrices: linear layers and embeddings"); }
        int rank = config.RankOf(name);
        Expect(down, rank, down.Shape[1]);
        Expect(up, up.Shape[0], rank);
        if (bias is not null) { Expect(bias, up.Shape[0]); }
        if (config.HasBias && !embedding && bias is null) { throw new InvalidInputException(up.FilePath, $"no lora_B.bias of {name}", "one, by lora_bias"); }
        if (!config.HasBias && bias is not null) { throw new InvalidInputException(Where(bias), "a bias", "none, by lora_bias"); }
        if (config.WeightDecomposed != magnitude is not null) { throw new InvalidInputException(up.FilePath, $"{(magnitude is null ? "no" : "a")} lora_magnitude_vector of {name}", $"{(magnitude is null ? "one" : "none")}, by use_dora"); }
        if (magnitude is not null && embedding) { throw new UnsupportedException(Where(magnitude), "use_dora on an embedding", "linear layers"); }
        if (magnitude is not null && magnitude.Count != up.Shape[0]) { throw new InvalidInputException(Where(magnitude), StoredTensor.Describe(magnitude.Shape), $"[{up.Shape[0]}]"); }
        return new StoredLoraModule(name, down, up, bias, magnitude, embedding, rank, config.ScaleOf(name));

        StoredTensor Require(Part part) => parts.TryGetValue(part, out StoredTensor? tensor) ? tensor
            : throw new InvalidInputException(parts.Values.First().FilePath, $"no {part switch { Part.Down => "lora_A", Part.Up => "lora_B", Part.EmbeddingDown => "lora_embedding_A", _ => "lora_embedding_B" }} of {name}", "A and B of every adapted module");
    }

    private static void Expect(StoredTensor tensor, params long[] shape)
    {
        if (!tensor.Shape.SequenceEqual(shape)) { throw new InvalidInputException(Where(tensor), StoredTensor.Describe(tensor.Shape), $"{StoredTensor.Describe(shape)} by the rank in {LoraFiles.ConfigName}"); }
    }

    private static string Where(StoredTensor tensor) => $"{tensor.FilePath}: tensor {tensor.Name}";
}
