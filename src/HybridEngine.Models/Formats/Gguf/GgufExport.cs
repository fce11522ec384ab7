using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A model as the parts of a GGUF file: the metadata and tensors that llama.cpp reads, and notes where it makes something else of them.</summary>
internal sealed class GgufExport
{
    private readonly ModelFiles _model;
    private readonly GgufArchitecture _architecture;
    private readonly StoredType _type;
    private readonly List<TensorToWrite> _tensors = [];
    private readonly List<string> _notes = [];

    /// <param name="model">What is to be written.</param>
    /// <param name="type">Type of the matrices (or what <see cref="TypeOf"/> takes instead); vectors, positions and small tables are float32.</param>
    /// <exception cref="UnsupportedException">GGUF has no architecture for the family, or none of its keys holds an option that the model uses.</exception>
    public GgufExport(ModelFiles model, StoredType type)
    {
        (_model, _architecture, _type) = (model, GgufArchitecture.OfFamily(model.Path, model.Config.Family), type);
        Metadata = new GgufMetadata(model.Path);
        AddMetadata();
        AddTensors();
        RequireSame();
        GgufVocabulary.Write(model, Metadata, _notes);
    }

    /// <summary>Pairs in file order.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>Tensors in file order.</summary>
    public IReadOnlyList<TensorToWrite> Tensors => _tensors;

    /// <summary>One line each.</summary>
    public IReadOnlyList<string> Notes => _notes;

    private void AddMetadata()
    {
        DecoderConfig c = _model.Config;
        GgufMetadata m = Metadata;
        string prefix = _architecture.Name + ".";
        m["general.architecture"] = _architecture.Name;
        m["general.type"] = "model";
        m["general.name"] = Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(_model.Path)));
        m["general.file_type"] = FileType(_type);
        m["general.quantization_version"] = 2u;
        m[prefix + "block_count"] = (uint)c.Layers;
        m[prefix + "context_length"] = (uint)c.MaxPositions;
        m[prefix + "embedding_length"] = (uint)c.HiddenSize;
        m[prefix + "feed_forward_length"] = (uint)c.IntermediateSize;
        m[prefix + "attention.head_count"] = (uint)c.QueryHeads;
        m[prefix + "attention.head_count_kv"] = (uint)c.KeyHeads;
        m[prefix + "attention.key_length"] = (uint)c.HeadSize;
        m[prefix + "attention.value_length"] = (uint)c.HeadSize;
        m[prefix + _architecture.MetadataEpsilon] = c.Norm.Epsilon;
        m[prefix + "vocab_size"] = (uint)c.VocabularySize;
        if (_architecture.Name == "gptneox") { m[prefix + "use_parallel_residual"] = c.BlockOrder == BlockOrder.Parallel; }
        GgufRotary.Write(Configuration(_model.Path, _model.ConfigJson), c, m, _architecture, _tensors, _notes);
        GgufWindows.Write(c, m, _architecture, _model.Path, _notes);
        if (c.Experts is { } experts) { AddExperts(experts, prefix); }
        if (_architecture.Name is "gemma2" or "gemma3") { AddGemma(c, prefix); }
        if (!_architecture.LlamaCppLoads) { Note($"runs no architecture {_architecture.Name}; the file is for this engine and what else knows the name"); }
        if (c.TiedEmbeddings && _architecture.Name is "gptneox" or "olmo2" or "phi2") { Note($"wants a head of its own in {_architecture.Name} and will not load a tied one"); }
    }

    private void AddExperts(ExpertConfig experts, string prefix)
    {
        Metadata[prefix + "expert_count"] = (uint)experts.Count;
        Metadata[prefix + "expert_used_count"] = (uint)experts.PerToken;
        if (_architecture.Name == "llama") { return; }
        Metadata[prefix + "expert_feed_forward_length"] = (uint)experts.IntermediateSize;
        Metadata[prefix + "expert_weights_norm"] = experts.NormalizeWeights;
        if (!experts.NormalizeWeights) { Note($"divides the weights of the chosen experts by their sum in {_architecture.Name}, which this model does not"); }
        if (experts.Layers.Contains(false)) { Note($"wants experts in every layer of {_architecture.Name} and will not load a model with plain ones between"); }
    }

    private void AddGemma(DecoderConfig c, string prefix)
    {
        if (c.AttentionSoftCap > 0 || _architecture.Name == "gemma2") { Metadata[prefix + "attn_logit_softcapping"] = c.AttentionSoftCap; }
        if (c.LogitSoftCap > 0 || _architecture.Name == "gemma2") { Metadata[prefix + "final_logit_softcapping"] = c.LogitSoftCap; }
        float usual = (float)GgufConfig.GemmaScale(_architecture, c.Layers, c.HiddenSize, c.QueryHeads, c.HeadSize);
        if (c.AttentionScale == usual) { return; }
        Metadata[prefix + "attention.scale"] = c.AttentionScale;
        Note($"scales the attention scores of {_architecture.Name} by {usual:g4}, where this model has {c.AttentionScale:g4}");
    }

    private void AddTensors()
    {
        GgufLayout layout = new(_architecture, _model.Config);
        foreach (var group in _model.Bindings.Select(b => (Binding: b, Place: layout[b])).GroupBy(p => p.Place.Stored.TensorName))
        {
            (ParameterBinding, GgufPlace)[] parts = [.. group];
            GgufPlace first = parts[0].Item2;
            _tensors.Add(new TensorToWrite(group.Key, TypeOf(first.Stored), first.Shape, values => Read(parts, values)));
        }
    }

    private void Read((ParameterBinding Binding, GgufPlace Place)[] parts, float[] values)
    {
        foreach ((ParameterBinding binding, GgufPlace place) in parts)
        {
            int columns = binding.Columns;
            Span<float> target = values.AsSpan(place.Stored.RowStart * columns, binding.Rows * columns);
            if (place.InterleavedHeads == 0) { _model.ReadParameter(binding, target); }
            else
            {
                float[] halves = new float[target.Length];
                _model.ReadParameter(binding, halves);
                for (int row = 0; row < binding.Rows; row++)
                {
                    int to = ParameterLocation.InterleavedRow(row, binding.Rows / place.InterleavedHeads);
                    halves.AsSpan(row * columns, columns).CopyTo(target[(to * columns)..]);
                }
            }

            if (place.Offset != 0)
            {
                foreach (ref float value in target) { value += place.Offset; }
            }
        }
    }

    /// <summary>
    /// The type of one tensor. Q4_K keeps the embedding and the head, where errors cost most, in Q6_K. Rows that do not fill blocks of 256 take the next larger type with blocks of 32
    /// (as llama.cpp's quantizer does), rows that do not fill those float16. What is small stays float32: vectors, learned positions, the experts' router.
    /// </summary>
    private StoredType TypeOf(ParameterBinding binding)
    {
        if (binding.IsVector || binding.Role is ParameterRole.PositionEmbedding or ParameterRole.Router) { return StoredType.F32; }
        StoredType type = _type == StoredType.Q4_K && binding.Role is ParameterRole.Embedding or ParameterRole.Head ? StoredType.Q6_K : _type;
        if (binding.Columns % type.BlockLength != 0) { type = type == StoredType.Q4_K ? StoredType.Q5_0 : type == StoredType.Q6_K ? StoredType.Q8_0 : StoredType.F16; }
        return binding.Columns % type.BlockLength == 0 ? type : StoredType.F16;
    }

    // What GGUF has no key for would be lost without a word: the file is read back before it is written, and must describe the same decoder.
    private void RequireSame()
    {
        string json = GgufConfig.ToJson(new GgufDraft(_model.Path, Metadata, _tensors)).ToJsonString();
        DecoderConfig read = ModelFamilies.ReadConfig(Configuration(_model.Path, json));
        JsonObject expected = JsonSerializer.SerializeToNode(Comparable(_model.Config))!.AsObject(), found = JsonSerializer.SerializeToNode(Comparable(read))!.AsObject();
        foreach ((string name, JsonNode? value) in expected)
        {
            if (!Same(value, found[name])) { throw new UnsupportedException(_model.Path, $"{name} = {Shorten(value)} in GGUF's architecture {_architecture.Name}", Shorten(found[name])); }
        }
    }

    // The family's name may change (Mistral without a window is Llama); the special ids go with the tokenizer.
    private static DecoderConfig Comparable(DecoderConfig c) => c with { Family = "", BosTokenId = null, EosTokenIds = [], PadTokenId = null };

    // Numbers went through float32.
    private static bool Same(JsonNode? a, JsonNode? b) => (a, b) switch
    {
        (JsonObject x, JsonObject y) => x.All(p => Same(p.Value, y[p.Key])),
        (JsonArray x, JsonArray y) => x.Count == y.Count && x.Zip(y).All(p => Same(p.First, p.Second)),
        (JsonValue x, JsonValue y) when x.GetValueKind() == JsonValueKind.Number && y.GetValueKind() == JsonValueKind.Number => Near(x.Deserialize<double>(), y.Deserialize<double>()),
        _ => JsonNode.DeepEquals(a, b),
    };

    private static bool Near(double a, double b) => Math.Abs(a - b) <= 1e-6 * Math.Max(Math.Abs(a), Math.Abs(b));

    private static string Shorten(JsonNode? value)
    {
        string text = value?.ToJsonString() ?? "none";
        return text.Length <= 80 ? text : text[..77] + "...";
    }

    private void Note(string text) => _notes.Add($"{_model.Path}: llama.cpp {text}");

    private static ConfigReader Configuration(string source, string json) => new(source, JsonInput.Parse(source, Encoding.UTF8.GetBytes(json)));

    // llama_ftype: the type of most matrices (Q4_K: of its "small" mixture).
    private static uint FileType(StoredType type) => type.Name switch
    {
        "F32" => 0,
        "F16" => 1,
        "Q4_0" => 2,
        "Q4_1" => 3,
        "Q8_0" => 7,
        "Q5_0" => 8,
        "Q5_1" => 9,
        "Q4_K" => 14,
        "Q6_K" => 18,
        "BF16" => 32,
        _ => throw new UnsupportedException("convert", $"writing {type.Name}", StoredType.WritableNames),
    };
}
