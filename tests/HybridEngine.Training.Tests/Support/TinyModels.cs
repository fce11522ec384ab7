namespace HybridEngine.Training.Tests;

/// <summary>One small random architecture for every branch of the decoder; sizes are odd on purpose.</summary>
public static class TinyModels
{
    public static IReadOnlyList<string> Names { get; } = ["llama", "llama-tied-biases", "window", "head-norms", "gpt2", "opt", "opt-after-norm",
        "gemma2", "gemma3", "olmo2", "phi", "gptj", "gpt-neox", "gpt-neo", "bloom", "bloom-carried", "partial-layers",
        "experts", "experts-after-norm", "experts-sandwich"];

    /// <param name="kernels">Where.</param>
    /// <param name="name">Which.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="smooth">Every token goes through every expert: the loss has no steps where a choice changes.</param>
    /// <param name="precision">Null for float32.</param>
    public static Models.Decoder Create(IKernels kernels, string name, ulong seed = 0, bool smooth = false, Precision? precision = null)
    {
        DecoderConfig config = Config(name);
        if (smooth && config.Experts is { } experts) { config = config with { Experts = experts with { PerToken = experts.Count } }; }
        Models.Decoder decoder = Models.Decoder.Create(kernels, config, Bind(config), new Initialization(0.5, 0.25, 0.25), seed, precision);
        Random random = new((int)seed + 77);
        foreach (Parameter parameter in decoder.Parameters)
        {
            if (!parameter.IsVector) { continue; }
            // Norm weights that are not 1 and biases that are not 0, so that a mistake shows.
            float centre = parameter.Binding.IsBias ? 0 : 1 - config.Norm.WeightOffset;
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
        DecoderConfig gemma = llama with
        {
            Norm = new NormOptions(NormKind.Rms, 1e-5f, WeightOffset: 1), NormPlacement = NormPlacement.Both, EmbeddingScale = 2.5f, TiedEmbeddings = true, Activation = ActivationKind.GeluTanh,
        };
        DecoderConfig parallel = gpt2 with { Positions = PositionKind.Rotary, TiedEmbeddings = false };
        DecoderConfig bloom = gpt2 with { Positions = PositionKind.Alibi, EmbeddingNorm = true };
        return name switch
        {
            "llama" => llama,
            "llama-tied-biases" => llama with { TiedEmbeddings = true, QueryKeyValueBias = true, AttentionOutputBias = true, MlpBias = true },
            "window" => llama with { Windows = [7, 7, 7] },
            "head-norms" => llama with { QueryKeyNorm = QueryKeyNorm.EachHead, HeadSize = 10, Rotary = Rotary(10) },
            "gpt2" => gpt2,
            // Smooth in place of OPT's ReLU, whose kinks finite differences would see; the recorded models cover ReLU.
            "opt" => gpt2 with { Family = "opt", PositionOffset = 2, Activation = ActivationKind.Gelu },
            "opt-after-norm" => gpt2 with
            {
                Family = "opt", PositionOffset = 2, Activation = ActivationKind.Gelu, NormPlacement = NormPlacement.After, FinalNorm = false, EmbeddingSize = 13,
            },
            "gemma2" => gemma with { AttentionSoftCap = 2, LogitSoftCap = 3, Windows = [7, 0, 70] },
            "gemma3" => gemma with { QueryKeyNorm = QueryKeyNorm.EachHead, Windows = [7, 7, 0], LayerRotary = [Rotary(6), Rotary(6), Rotary(6, 50)] },
            "olmo2" => llama with { NormPlacement = NormPlacement.Output, QueryKeyNorm = QueryKeyNorm.AllHeads },
            "phi" => parallel with { BlockOrder = BlockOrder.ParallelOneNorm, KeyHeads = 2, QueryKeyNorm = QueryKeyNorm.EachHead, HeadBias = true, HeadSize = 8, Rotary = Rotary(4) },
            "gptj" => parallel with
            {
                BlockOrder = BlockOrder.ParallelOneNorm, QueryKeyValueBias = false, AttentionOutputBias = false, HeadBias = true, HeadSize = 8,
                Rotary = Rotary(4) with { Layout = RotaryLayout.Interleaved },
            },
            "gpt-neox" => parallel with { BlockOrder = BlockOrder.Parallel, HeadSize = 10, Rotary = Rotary(4) },
            "gpt-neo" => gpt2 with { QueryKeyValueBias = false, AttentionScale = 1, Windows = [0, 9, 0], ScaleByLayer = true },
            "bloom" => bloom,
            "bloom-carried" => bloom with { NormPlacement = NormPlacement.Carried },
            "experts" => llama with { Experts = new ExpertConfig(5, 2, 19, NormalizeWeights: true, [true, false, true]) },
            "experts-after-norm" => gpt2 with { NormPlacement = NormPlacement.After, FinalNorm = false, MlpBias = false, Experts = new ExpertConfig(4, 1, 16, NormalizeWeights: false, [true, true, true]) },
            "experts-sandwich" => gemma with { Experts = new ExpertConfig(7, 3, 16, NormalizeWeights: false, [true, true, false]) },
            "partial-layers" => llama with { LayerRotary = [Rotary(6), null, Rotary(4)] },
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, "unknown"),
        };
    }

    public static int[] Sequence(Random random, int length, int vocabulary = 83) => [.. Enumerable.Range(0, length).Select(_ => random.Next(vocabulary))];

    private static RotarySpec Rotary(int size, double theta = 10_000) => new(size, [.. Enumerable.Range(0, size / 2).Select(i => Math.Pow(theta, -2.0 * i / size))]);

    public static IReadOnlyList<ParameterBinding> Bind(DecoderConfig c)
    {
        List<ParameterBinding> all = [];
        void Weight(ParameterRole role, int layer, int rows, int columns) => all.Add(new ParameterBinding(role, layer, false, $"{layer}.{role}.weight", rows, columns));
        void Bias(bool present, ParameterRole role, int layer, int rows) { if (present) { all.Add(new ParameterBinding(role, layer, true, $"{layer}.{role}.bias", rows, 1)); } }
        void Norm(bool present, ParameterRole role, int layer, int width)
        {
            if (!present) { return; }
            Weight(role, layer, width, 1);
            Bias(c.NormBias, role, layer, width);
        }

        void Linear(ParameterRole role, int layer, int rows, int columns, bool bias) { Weight(role, layer, rows, columns); Bias(bias, role, layer, rows); }

        bool inputs = c.NormPlacement != NormPlacement.Output, narrow = c.EmbeddingSize != c.HiddenSize, queryKey = c.QueryKeyNorm != QueryKeyNorm.None, wide = c.QueryKeyNorm == QueryKeyNorm.AllHeads;
        Weight(ParameterRole.Embedding, -1, c.VocabularySize, c.EmbeddingSize);
        if (c.Positions == PositionKind.Learned) { Weight(ParameterRole.PositionEmbedding, -1, c.MaxPositions + c.PositionOffset, c.HiddenSize); }
        if (narrow) { Weight(ParameterRole.ProjectIn, -1, c.HiddenSize, c.EmbeddingSize); }
        Norm(c.EmbeddingNorm, ParameterRole.EmbeddingNorm, -1, c.HiddenSize);
        for (int l = 0; l < c.Layers; l++)
        {
            Norm(inputs, ParameterRole.AttentionNorm, l, c.HiddenSize);
            Linear(ParameterRole.Query, l, c.QueryWidth, c.HiddenSize, c.QueryKeyValueBias);
            Linear(ParameterRole.Key, l, c.KeyWidth, c.HiddenSize, c.QueryKeyValueBias);
            Linear(ParameterRole.Value, l, c.KeyWidth, c.HiddenSize, c.QueryKeyValueBias);
            Norm(queryKey, ParameterRole.QueryNorm, l, wide ? c.QueryWidth : c.HeadSize);
            Norm(queryKey, ParameterRole.KeyNorm, l, wide ? c.KeyWidth : c.HeadSize);
            Linear(ParameterRole.AttentionOutput, l, c.HiddenSize, c.QueryWidth, c.AttentionOutputBias);
            Norm(c.HasOutputNorms, ParameterRole.AttentionOutputNorm, l, c.HiddenSize);
            Norm(inputs && c.BlockOrder != BlockOrder.ParallelOneNorm, ParameterRole.MlpNorm, l, c.HiddenSize);
            if (c.HasExperts(l)) { BindExperts(l); continue; }
            if (c.GatedMlp) { Linear(ParameterRole.Gate, l, c.IntermediateSize, c.HiddenSize, c.MlpBias); }
            Linear(ParameterRole.Up, l, c.IntermediateSize, c.HiddenSize, c.MlpBias);
            Linear(ParameterRole.Down, l, c.HiddenSize, c.IntermediateSize, c.MlpBias);
            Norm(c.HasOutputNorms, ParameterRole.MlpOutputNorm, l, c.HiddenSize);
        }

        void BindExperts(int l)
        {
            ExpertConfig experts = c.Experts!;
            Weight(ParameterRole.Router, l, experts.Count, c.HiddenSize);
            for (int e = 0; e < experts.Count; e++)
            {
                void Expert(ParameterRole role, int rows, int columns) => all.Add(new ParameterBinding(role, l, false, $"{l}.{e}.{role}.weight", rows, columns, Expert: e));
                if (c.GatedMlp) { Expert(ParameterRole.Gate, experts.IntermediateSize, c.HiddenSize); }
                Expert(ParameterRole.Up, experts.IntermediateSize, c.HiddenSize);
                Expert(ParameterRole.Down, c.HiddenSize, experts.IntermediateSize);
            }

            Norm(c.HasOutputNorms, ParameterRole.MlpOutputNorm, l, c.HiddenSize);
        }

        Norm(c.FinalNorm, ParameterRole.FinalNorm, -1, c.HiddenSize);
        if (narrow) { Weight(ParameterRole.ProjectOut, -1, c.EmbeddingSize, c.HiddenSize); }
        if (!c.TiedEmbeddings) { Weight(ParameterRole.Head, -1, c.VocabularySize, c.EmbeddingSize); }
        Bias(c.HeadBias, ParameterRole.Head, -1, c.VocabularySize);
        return all;
    }
}
