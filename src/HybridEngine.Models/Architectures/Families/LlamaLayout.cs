using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>What Llama and its relatives share: RMS norms before each half of a block, rotary positions, a gated MLP, and tensor names.</summary>
internal static class LlamaLayout
{
    public const string Prefix = "model.";

    /// <summary>The keys that all relatives have; a family adds its own with a <c>with</c> expression.</summary>
    public static DecoderConfig Read(ConfigReader config, string family, ActivationKind activation, int keyHeads, int maxPositions)
    {
        int hidden = config.Size("hidden_size"), heads = config.Size("num_attention_heads");
        if (!config.Has("head_dim") && hidden % heads != 0) { throw new InvalidInputException($"{config.Source}: num_attention_heads", $"{heads}", $"a divisor of hidden_size {hidden}, or head_dim"); }
        int headSize = config.Size("head_dim", Math.Max(1, hidden / heads));
        return new DecoderConfig
        {
            Family = family,
            VocabularySize = config.Size("vocab_size"),
            HiddenSize = hidden,
            EmbeddingSize = hidden,
            Layers = config.Size("num_hidden_layers"),
            QueryHeads = heads,
            KeyHeads = keyHeads,
            HeadSize = headSize,
            IntermediateSize = config.Size("intermediate_size"),
            Norm = new NormOptions(NormKind.Rms, (float)config.Positive("rms_norm_eps", 1e-6)),
            Activation = activation,
            Rotary = RotaryFrequencies.Read(config, headSize, maxPositions),
            MaxPositions = maxPositions,
            AttentionScale = (float)(1 / Math.Sqrt(headSize)),
            TiedEmbeddings = config.Flag("tie_word_embeddings", false),
            BosTokenId = config.TokenIds("bos_token_id") is [int bos, ..] ? bos : null,
            EosTokenIds = config.TokenIds("eos_token_id"),
            PadTokenId = config.TokenIds("pad_token_id") is [int pad, ..] ? pad : null,
        };
    }

    /// <summary>Sliding windows by layer: from <c>layer_types</c> where the file has them, else the same window from layer <paramref name="firstSliding"/> on.</summary>
    public static IReadOnlyList<int> ReadWindows(ConfigReader config, int layers, int? window, int firstSliding = 0)
    {
        if (window is <= 0) { throw new InvalidInputException($"{config.Source}: sliding_window", $"{window}", "an integer of at least 1, or null"); }
        IReadOnlyList<string> types = config.Texts("layer_types");
        if (types.Count == 0)
        {
            return window is { } width && firstSliding < layers ? [.. Enumerable.Range(0, layers).Select(i => i >= firstSliding ? width : 0)] : [];
        }

        if (types.Count != layers) { throw new InvalidInputException($"{config.Source}: layer_types", $"{types.Count} entries", $"{layers}, one a layer"); }
        if (types.FirstOrDefault(t => t is not ("full_attention" or "sliding_attention")) is { } other)
        {
            throw new UnsupportedException(config.Source, $"layer type {other}", "full_attention, sliding_attention");
        }

        if (!types.Contains("sliding_attention")) { return []; }
        int sliding = window ?? throw new InvalidInputException(config.Source, "sliding_attention layers without sliding_window", "a sliding_window");
        return [.. types.Select(t => t == "sliding_attention" ? sliding : 0)];
    }

    /// <summary>All parameters in the order of the forward pass; which ones exist follows from the configuration.</summary>
    public static IReadOnlyList<ParameterBinding> Bind(DecoderConfig c)
    {
        List<ParameterBinding> all = [];
        int hidden = c.HiddenSize, queries = c.QueryHeads * c.HeadSize, keys = c.KeyHeads * c.HeadSize, inner = c.IntermediateSize;
        all.Add(new(ParameterRole.Embedding, -1, false, "model.embed_tokens.weight", c.VocabularySize, hidden, FusedRows: c.VocabularySize));
        for (int i = 0; i < c.Layers; i++)
        {
            string block = $"model.layers.{i}.";
            Vector(ParameterRole.AttentionNorm, i, false, block + "input_layernorm.weight", hidden);
            Matrix(ParameterRole.Query, i, block + "self_attn.q_proj", queries, hidden, c.QueryKeyValueBias);
            Matrix(ParameterRole.Key, i, block + "self_attn.k_proj", keys, hidden, c.QueryKeyValueBias);
            Matrix(ParameterRole.Value, i, block + "self_attn.v_proj", keys, hidden, c.QueryKeyValueBias);
            if (c.QueryKeyNorm)
            {
                Vector(ParameterRole.QueryNorm, i, false, block + "self_attn.q_norm.weight", c.HeadSize);
                Vector(ParameterRole.KeyNorm, i, false, block + "self_attn.k_norm.weight", c.HeadSize);
            }

            Matrix(ParameterRole.AttentionOutput, i, block + "self_attn.o_proj", hidden, queries, c.AttentionOutputBias);
            Vector(ParameterRole.MlpNorm, i, false, block + "post_attention_layernorm.weight", hidden);
            Matrix(ParameterRole.Gate, i, block + "mlp.gate_proj", inner, hidden, c.MlpBias);
            Matrix(ParameterRole.Up, i, block + "mlp.up_proj", inner, hidden, c.MlpBias);
            Matrix(ParameterRole.Down, i, block + "mlp.down_proj", hidden, inner, c.MlpBias);
        }

        Vector(ParameterRole.FinalNorm, -1, false, "model.norm.weight", hidden);
        if (!c.TiedEmbeddings) { Matrix(ParameterRole.Head, -1, "lm_head", c.VocabularySize, hidden, false); }
        return all;

        void Matrix(ParameterRole role, int layer, string module, int rows, int columns, bool bias)
        {
            all.Add(new(role, layer, false, module + ".weight", rows, columns, FusedRows: rows));
            if (bias) { Vector(role, layer, true, module + ".bias", rows); }
        }

        void Vector(ParameterRole role, int layer, bool isBias, string name, int length) => all.Add(new(role, layer, isBias, name, length, 1, FusedRows: length));
    }
}
