namespace HybridEngine.Training.Tests;

/// <summary>What a forward keeps for its backward: as much as it may, counted right, and never another bit.</summary>
public sealed class ActivationPlanTests
{
    public static TheoryData<string> Models => [.. TinyModels.Names];

    [Theory, MemberData(nameof(Models))]
    public void BlockBytes_EveryArchitecture_IsWhatTheForwardKeeps(string model)
    {
        const int Tokens = 19;
        using IKernels kernels = Backends.Open("reference");
        using Models.Decoder decoder = TinyModels.Create(kernels, model);
        DecoderConfig config = decoder.Config;
        using TensorPool pool = new(kernels);
        ForwardTape tape = new(config.Layers, firstWhole: 1);
        PackedTokens tokens = PackedBatch.Pack(TinyModels.Sequence(new Random(3), Tokens)).Upload(decoder, pool);
        new DecoderForward(decoder, pool).Run(tokens, tape);
        for (int l = 0; l < config.Layers; l++)
        {
            long beyond = l == 0 ? 0 : ActivationPlan.BlockBytes(config, l, Tokens);
            long kept = Kept(tape.Blocks[l]), planned = ActivationPlan.InputBytes(config, Tokens) + beyond;
            // Offsets of experts do not grow with tokens; a join without a norm keeps no statistics.
            Assert.InRange(kept, planned - 4 * sizeof(float) * Tokens, planned + 4 * (config.Experts?.Count + 1 ?? 0));
        }

        tape.Clear(pool);
        tokens.Return(pool);
        Assert.Equal(0, pool.BytesInUse);
    }

    [Theory]
    [InlineData(long.MaxValue / 2, 0)]
    [InlineData(0, 3)]
    public void FirstWhole_EverythingOrNothingFits_AllOrNone(long bytes, int expected) =>
        Assert.Equal(expected, ActivationPlan.FirstWhole(TinyModels.Config("llama"), 100, bytes));

    [Theory, MemberData(nameof(Models))]
    public void FirstWhole_AnyBudget_IsFilledAndNotPassed(string model)
    {
        DecoderConfig config = TinyModels.Config(model);
        long Bytes(int first) => config.Layers * ActivationPlan.InputBytes(config, 50) + Enumerable.Range(first, config.Layers - first).Sum(l => ActivationPlan.BlockBytes(config, l, 50));
        for (int first = 0; first < config.Layers; first++)
        {
            Assert.Equal(first, ActivationPlan.FirstWhole(config, 50, Bytes(first)));
            Assert.Equal(first + 1, ActivationPlan.FirstWhole(config, 50, Bytes(first) - 1));
        }
    }

    [Fact]
    public void Automatic_InBFloat16_GivesWayToTheComputeCopies()
    {
        using IKernels kernels = Backends.Open("reference");
        using Models.Decoder wide = TinyModels.Create(kernels, "llama"), narrow = TinyModels.Create(kernels, "llama", precision: Precision.BFloat16);
        long copies = narrow.Parameters.Where(p => !p.IsVector).Sum(p => 2L * p.Rows * p.Columns);
        Assert.True(copies > 0);
        Assert.Equal(ActivationPlan.Automatic(wide) - copies, ActivationPlan.Automatic(narrow));
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void ActivationBytes_LittleOrPlenty_SameGradientsInOtherMemory(string backend)
    {
        using IKernels kernels = Backends.Open(backend);
        using Models.Decoder decoder = TinyModels.Create(kernels, "head-norms");
        PackedBatch batch = PackedBatch.Pack([.. Enumerable.Range(0, 6).Select(i => TinyModels.Sequence(new Random(i), 60))]);
        (float[][] gradients, long plenty) = Gradients(decoder, batch, new TrainingOptions());
        (float[][] again, long little) = Gradients(decoder, batch, new TrainingOptions { ActivationBytes = 1 });
        for (int p = 0; p < gradients.Length; p++) { Expect.SameBits(gradients[p], again[p], $"gradient of parameter {p}"); }
        Assert.True(little < plenty, $"{little} bytes with the smallest budget, {plenty} without one");
    }

    private static (float[][] Gradients, long Peak) Gradients(Models.Decoder decoder, PackedBatch batch, TrainingOptions options)
    {
        using TrainableLanguageModel model = new(decoder, options);
        TokenSelection targets = TokenSelection.NextTokens(batch);
        model.TrainForward(batch, targets);
        model.TrainBackward([.. Enumerable.Range(0, targets.Count).Select(i => MathF.Cos(i))]);
        return ([.. decoder.Parameters.Select(p => p.GradientToArray())], model.PeakActivationBytes);
    }

    private static long Kept(BlockTape block)
    {
        Tensor[] tensors =
        [
            block.AttentionInput.Sum, block.AttentionInput.Normed, block.AttentionInput.Statistics, block.QueryKeyValue, block.Query.Input, block.Query.Output, block.Query.Statistics,
            block.Key.Input, block.Key.Output, block.Key.Statistics, block.Attention, block.LogSumExp, block.AttentionOutput.Sum, block.AttentionOutput.Normed, block.AttentionOutput.Statistics,
            block.MlpInput.Sum, block.MlpInput.Normed, block.MlpInput.Statistics, block.Up, block.Activated, block.Experts.Logits, block.Experts.Chosen, block.Experts.Weights,
            block.Experts.Offsets, block.Experts.Tokens, block.Experts.Slots, block.Experts.Inputs, block.Experts.Outputs, block.MlpOutput.Sum, block.MlpOutput.Normed, block.MlpOutput.Statistics,
        ];
        return tensors.Where(t => !t.IsEmpty).Sum(t => t.DType.Bytes(t.Count));
    }
}
