using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference.Tests;

/// <summary>A Llama-shaped decoder of a few thousand random weights, sharp enough that its draws are not uniform.</summary>
internal static class TinyModel
{
    public const int Vocabulary = 211;

    public static DecoderConfig Config(int layers = 2, int maxPositions = 256) => new()
    {
        Family = "llama",
        VocabularySize = Vocabulary,
        HiddenSize = 48,
        EmbeddingSize = 48,
        Layers = layers,
        QueryHeads = 4,
        KeyHeads = 2,
        HeadSize = 12,
        IntermediateSize = 80,
        Norm = new NormOptions(NormKind.Rms, 1e-5f),
        Activation = ActivationKind.Silu,
        Rotary = new RotarySpec(12, [.. Enumerable.Range(0, 6).Select(i => Math.Pow(10000, -i / 6.0))]),
        MaxPositions = maxPositions,
        AttentionScale = (float)(1 / Math.Sqrt(12)),
        TiedEmbeddings = true,
        EosTokenIds = [2],
    };

    public static Decoder Create(IKernels kernels, ulong seed = 1, int layers = 2, int maxPositions = 256, Precision? precision = null) => Create(kernels, Config(layers, maxPositions), seed, precision);

    public static Decoder Create(IKernels kernels, DecoderConfig c, ulong seed, Precision? precision = null) =>
        Decoder.Create(kernels, c, Bindings(c), new Initialization(0.6, 0.3, 0.3), seed, precision);

    private static List<ParameterBinding> Bindings(DecoderConfig c)
    {
        int query = c.QueryHeads * c.HeadSize, key = c.KeyHeads * c.HeadSize;
        List<ParameterBinding> all = [new(ParameterRole.Embedding, -1, false, "embed", c.VocabularySize, c.EmbeddingSize)];
        for (int l = 0; l < c.Layers; l++)
        {
            void add(ParameterRole role, int rows, int columns) => all.Add(new(role, l, false, $"{l}.{role}", rows, columns));
            add(ParameterRole.AttentionNorm, c.HiddenSize, 1);
            add(ParameterRole.Query, query, c.HiddenSize);
            add(ParameterRole.Key, key, c.HiddenSize);
            add(ParameterRole.Value, key, c.HiddenSize);
            add(ParameterRole.AttentionOutput, c.HiddenSize, query);
            add(ParameterRole.MlpNorm, c.HiddenSize, 1);
            add(ParameterRole.Gate, c.IntermediateSize, c.HiddenSize);
            add(ParameterRole.Up, c.IntermediateSize, c.HiddenSize);
            add(ParameterRole.Down, c.HiddenSize, c.IntermediateSize);
        }

        all.Add(new(ParameterRole.FinalNorm, -1, false, "norm", c.HiddenSize, 1));
        return all;
    }
}
