using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A decoder as a GGUF file: the metadata and tensor names that llama.cpp reads.</summary>
internal static class GgufExport
{
    private const string Supported = "llama, mistral, qwen2, qwen3, gpt2";

    /// <summary>Architecture, sizes and tokenizer of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="type">Type of the matrices, for <c>general.file_type</c>.</param>
    public static GgufMetadata Metadata(ModelFiles model, StoredType type)
    {
        DecoderConfig c = model.Config;
        string architecture = Architecture(model), prefix = architecture + ".";
        GgufMetadata m = new(model.Path)
        {
            ["general.architecture"] = architecture,
            ["general.type"] = "model",
            ["general.name"] = Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model.Path))),
            ["general.file_type"] = FileType(type),
            ["general.quantization_version"] = 2u,
            [prefix + "block_count"] = (uint)c.Layers,
            [prefix + "context_length"] = (uint)c.MaxPositions,
            [prefix + "embedding_length"] = (uint)c.HiddenSize,
            [prefix + "feed_forward_length"] = (uint)c.IntermediateSize,
            [prefix + "attention.head_count"] = (uint)c.QueryHeads,
            [prefix + (c.Norm.Kind == NormKind.Rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon")] = c.Norm.Epsilon,
        };
        if (c.Rotary is { } rotary)
        {
            m[prefix + "attention.head_count_kv"] = (uint)c.KeyHeads;
            m[prefix + "attention.key_length"] = (uint)c.HeadSize;
            m[prefix + "attention.value_length"] = (uint)c.HeadSize;
            m[prefix + "rope.dimension_count"] = (uint)rotary.RotarySize;
            m[prefix + "vocab_size"] = (uint)c.VocabularySize;
            GgufRotary.WriteScaling(Configuration(model), m, prefix);
            if (c.Windows.Count > 0)
            {
                // llama.cpp's llama has no window and would attend to everything beyond it; our own reader takes the key for what it says.
                if (architecture != "llama" || c.Windows.Distinct().Count() != 1) { throw new UnsupportedException(model.Path, "a sliding window on some layers", "GGUF with the same window on all layers of a mistral"); }
                m[prefix + "attention.sliding_window"] = (uint)c.Windows[0];
            }
        }

        return m;
    }

    /// <summary>The tensors: matrices in <paramref name="type"/> (or what <see cref="TypeOf"/> takes instead), vectors, positions and small tables in float32.</summary>
    public static IReadOnlyList<TensorToWrite> Tensors(ModelFiles model, StoredType type)
    {
        string architecture = Architecture(model);
        List<TensorToWrite> tensors = [];
        foreach (IGrouping<string, ParameterBinding> group in model.Bindings.GroupBy(b => GgufNames.Of(architecture, b)))
        {
            // GGUF keeps q, k and v of GPT-2 fused, and turns its weights to [outputs, inputs].
            ParameterBinding[] parts = [.. group.Select(b => b with { Transposed = false })];
            ParameterBinding[] origin = [.. group];
            ParameterBinding first = parts[0];
            int heads = GgufNames.InterleavedHeads(architecture, model.Config, first);
            if (first.IsVector)
            {
                tensors.Add(new TensorToWrite(group.Key, DType.Float32, [first.FusedRows], values => Read(model, origin, heads, values)));
                continue;
            }

            tensors.Add(new TensorToWrite(group.Key, TypeOf(first, type), [first.FusedRows, first.Columns], values => Read(model, origin, heads, values)));
        }

        if (GgufRotary.FactorsOf(Configuration(model), model.Config) is { } factors) { tensors.Add(new TensorToWrite(GgufNames.RotaryFactors, DType.Float32, [factors.Length], values => factors.CopyTo(values, 0))); }
        return tensors;
    }

    /// <summary>
    /// The type of one matrix. Q4_K keeps the embedding and the head, where errors cost most, in Q6_K. Rows that do not fill blocks of 256 take the next larger type with blocks of 32
    /// (as llama.cpp's quantizer does), rows that do not fill those float16.
    /// </summary>
    private static StoredType TypeOf(ParameterBinding binding, StoredType type)
    {
        if (binding.Role == ParameterRole.PositionEmbedding) { return StoredType.F32; }
        if (type == StoredType.Q4_K && binding.Role is ParameterRole.Embedding or ParameterRole.Head) { type = StoredType.Q6_K; }
        if (binding.Columns % type.BlockLength != 0) { type = type == StoredType.Q4_K ? StoredType.Q5_0 : type == StoredType.Q6_K ? StoredType.Q8_0 : StoredType.F16; }
        return binding.Columns % type.BlockLength == 0 ? type : StoredType.F16;
    }

    private static void Read(ModelFiles model, ParameterBinding[] parts, int interleavedHeads, float[] values)
    {
        foreach (ParameterBinding part in parts)
        {
            Span<float> target = values.AsSpan(part.RowStart * part.Columns, part.Rows * part.Columns);
            if (interleavedHeads == 0)
            {
                model.ReadParameter(part, target);
                continue;
            }

            float[] halves = new float[target.Length];
            model.ReadParameter(part, halves);
            for (int row = 0; row < part.Rows; row++)
            {
                int to = ParameterLocation.InterleavedRow(row, part.Rows / interleavedHeads);
                halves.AsSpan(row * part.Columns, part.Columns).CopyTo(target[(to * part.Columns)..]);
            }
        }
    }

    private static string Architecture(ModelFiles model) => model.Config.Family switch
    {
        "llama" or "mistral" => "llama",
        "qwen2" => "qwen2",
        "qwen3" => "qwen3",
        "gpt2" => "gpt2",
        string other => throw new UnsupportedException(model.Path, $"model_type {other} in GGUF", Supported),
    };

    private static ConfigReader Configuration(ModelFiles model) => new(model.Path, JsonInput.Parse(model.Path, System.Text.Encoding.UTF8.GetBytes(model.ConfigJson)));

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
