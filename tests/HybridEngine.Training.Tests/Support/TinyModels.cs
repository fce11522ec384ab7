namespace HybridEngine.Training.Tests;

/// <summary>One small random architecture for every branch of the decoder; sizes are odd on purpose.</summary>
public static class TinyModels
{
    public static IReadOnlyList<string> Names { get; } = ["llama", "llama-tied-biases", "window", "head-norms", "gpt2", "opt", "opt-after-norm"];

    public static Models.Decoder Create(IKernels kernels, string name, ulong seed = 0)
    {
        DecoderConfig config = Config(name);
        Models.Decoder decoder = Models.Decoder.Create(kernels, config, Bind(config), new Initialization(0.5, 0.25, 0.25), seed);
        Random random = new((int)seed + 77);
        foreach (Parameter parameter in decoder.Parameters)
        {
            if (!parameter.IsVector) { continue; }
            // Norm weights that are not 1 and biases that are not 0, so that a mistake shows.
            float centre = parameter.Binding.IsBias ? 0 : 1;
            parameter.Set([.. Enumerable.Range(0, parameter.Rows).Select(_ => centre + 0.3f * (float)(2 * random.NextDouble() - 1))]);
        }

        return decoder;
    }

    public static DecoderConfig Config(string name)
    {
        DecoderConfig llama = new()
        {
            Family = "llama", VocabularySize = 83, HiddenSize = 24, EmbeddingSize = 24, Layers = 3, QueryHeads = 6, KeyHeads = 2, HeadSize = 6, IntermediateSize = 37,
            Norm = new NormOptions(NormKind.Rms, 1e-5f), Activation = ActivationKind.Silu, MaxPositions = 160, AttentionScale = 0.4f, Rotary = Rotary(6),
        };
        DecoderConfig gpt2 = llama with
        {
            Family = "gpt2", KeyHeads = 6, Norm = new NormOptions(NormKind.Layer, 1e-5f), NormBias = true, Activation = ActivationKind.GeluTanh, GatedMlp = false, QueryKeyValueBias = true,
            AttentionOutputBias = true, MlpBias = true, Positions = PositionKind.Learned, Rotary = null, TiedEmbeddings = true,
        };
        return name switch
        {
            "llama" => llama,
            "llama-tied-biases" => llama with { TiedEmbeddings = true, QueryKeyValueBias = true, AttentionOutputBias = true, MlpBias = true },
            "window" => llama with { Windows = [7, 7, 7] },
            "head-norms" => llama with { QueryKeyNorm = true, HeadSize = 10, Rotary = Rotary(10) },
            "gpt2" => gpt2,
            // Smooth in place of OPT's ReLU, whose kinks finite differences would see; the recorded models cover ReLU.
            "opt" => gpt2 with { Family = "opt", PositionOffset = 2, Activation = ActivationKind.Gelu },
            "opt-after-norm" => gpt2 with
            {
                Family = "opt", PositionOffset = 2, Activation = ActivationKind.Gelu, NormPlacement = NormPlacement.After, FinalNorm = false, EmbeddingSize = 13,
            },
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, "unknown"),
        };
    }

    public static int[] Sequence(Random random, int length, int vocabulary = 83) => [.. Enumerable.Range(0, length).Select(_ => random.Next(vocabulary))];

    private static RotarySpec Rotary(int size) => new(size, [.. Enumerable.Range(0, size / 2).Select(i => Math.Pow(10_000, -2.0 * i / size))]);

    public static IReadOnlyList<ParameterBinding> Bind(DecoderConfig c)
    {
        List<ParameterBinding> all = [];
        void Weight(ParameterRole role, int layer, int rows, int columns) => all.Add(new ParameterBinding(role, layer, false, $"{layer}.{role}.weight", rows, columns));
        void Bias(bool present, ParameterRole role, int layer, int rows) { if (present) { all.Add(new ParameterBinding(role, layer, true, $"{layer}.{role}.bias", rows, 1)); } }
        void Norm(ParameterRole role, int layer) { Weight(role, layer, c.HiddenSize, 1); Bias(c.NormBias, role, layer, c.HiddenSize); }
        void Linear(ParameterRole role, int layer, int rows, int columns, bool bias) { Weight(role, layer, rows, columns); Bias(bias, role, layer, rows); }

        Weight(ParameterRole.Embedding, -1, c.VocabularySize, c.EmbeddingSize);
        if (c.Positions == PositionKind.Learned) { Weight(ParameterRole.PositionEmbedding, -1, c.MaxPositions + c.PositionOffset, c.HiddenSize); }
        if (c.EmbeddingSize != c.HiddenSize)
        {
            Weight(ParameterRole.ProjectIn, -1, c.HiddenSize, c.EmbeddingSize);
            Weight(ParameterRole.ProjectOut, -1, c.EmbeddingSize, c.HiddenSize);
        }

        for (int l = 0; l < c.Layers; l++)
        {
            Norm(ParameterRole.AttentionNorm, l);
            Linear(ParameterRole.Query, l, c.QueryWidth, c.HiddenSize, c.QueryKeyValueBias);
            Linear(ParameterRole.Key, l, c.KeyWidth, c.HiddenSize, c.QueryKeyValueBias);
            Linear(ParameterRole.Value, l, c.KeyWidth, c.HiddenSize, c.QueryKeyValueBias);
            if (c.QueryKeyNorm)
            {
                Weight(ParameterRole.QueryNorm, l, c.HeadSize, 1);
                Weight(ParameterRole.KeyNorm, l, c.HeadSize, 1);
            }

            Linear(ParameterRole.AttentionOutput, l, c.HiddenSize, c.QueryWidth, c.AttentionOutputBias);
            Norm(ParameterRole.MlpNorm, l);
            if (c.GatedMlp) { Linear(ParameterRole.Gate, l, c.IntermediateSize, c.HiddenSize, c.MlpBias); }
            Linear(ParameterRole.Up, l, c.IntermediateSize, c.HiddenSize, c.MlpBias);
            Linear(ParameterRole.Down, l, c.HiddenSize, c.IntermediateSize, c.MlpBias);
        }

        if (c.FinalNorm) { Norm(ParameterRole.FinalNorm, -1); }
        if (!c.TiedEmbeddings) { Weight(ParameterRole.Head, -1, c.VocabularySize, c.EmbeddingSize); }
        return all;
    }
}
