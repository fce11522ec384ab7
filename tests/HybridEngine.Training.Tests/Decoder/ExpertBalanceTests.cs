namespace HybridEngine.Training.Tests;

/// <summary>The load-balancing loss of models with experts.</summary>
public sealed class ExpertBalanceTests
{
    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void BalanceLoss_OneLayer_IsTransformersFormula(string backend)
    {
        using IKernels kernels = Backends.Open(backend);
        Random random = new(5);
        const int Tokens = 11, Experts = 5, PerToken = 2;
        float[] logits = [.. Enumerable.Range(0, 2 * Tokens * Experts).Select(_ => (float)(4 * random.NextDouble() - 2))];
        using ExpertLoad load = new(kernels, Experts);
        for (int layer = 0; layer < 2; layer++)
        {
            Tensor rows = kernels.Allocate(DType.Float32, Tokens, Experts), chosen = kernels.Allocate(DType.Int32, Tokens, PerToken), weights = kernels.Allocate(DType.Float32, Tokens, PerToken);
            kernels.Upload<float>(logits.AsSpan(layer * Tokens * Experts, Tokens * Experts), rows);
            kernels.RouteExperts(rows, true, chosen, weights);
            load.Add(rows, chosen);
        }

        // load_balancing_loss_func: the layers' logits one after another, mean one-hot choices [perToken, experts] times mean probabilities, summed, times the experts.
        double[,] choices = new double[PerToken, Experts];
        double[] probabilities = new double[Experts];
        for (int t = 0; t < 2 * Tokens; t++)
        {
            float[] row = logits[(t * Experts)..((t + 1) * Experts)];
            double sum = row.Sum(z => Math.Exp(z));
            int[] best = [.. Enumerable.Range(0, Experts).OrderByDescending(e => row[e]).Take(PerToken)];
            for (int k = 0; k < PerToken; k++) { choices[k, best[k]] += 1.0 / (2 * Tokens); }
            for (int e = 0; e < Experts; e++) { probabilities[e] += Math.Exp(row[e]) / sum / (2 * Tokens); }
        }

        double expected = 0;
        for (int k = 0; k < PerToken; k++)
        {
            for (int e = 0; e < Experts; e++) { expected += choices[k, e] * probabilities[e]; }
        }

        Expect.Close(Experts * expected, load.Loss(), 1e-6, 0, "loss");
        load.Clear();
        Assert.Equal(0, load.Loss());
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void TrainBackward_BalanceLossAlone_GradientMatchesDifferences(string backend)
    {
        using IKernels kernels = Backends.Open(backend);
        Random random = new(9);
        foreach (bool recompute in (bool[])[false, true])
        {
            using Models.Decoder decoder = TinyModels.Create(kernels, "experts");
            using TrainableLanguageModel model = new(decoder, new TrainingOptions { ExpertBalance = true, RecomputeActivations = recompute });
            PackedBatch batch = PackedBatch.Pack(TinyModels.Sequence(random, 30), TinyModels.Sequence(random, 12));
            TokenSelection selection = TokenSelection.NextTokens(batch);
            model.TrainForward(batch, selection);
            double start = model.BalanceLoss;
            model.TrainBackward(new float[selection.Count], dBalance: 2);
            Parameter router = decoder.Blocks[2].Mlp.Experts!.Router.Weight;
            float[] gradient = router.GradientToArray(), weights = router.ToArray();
            double length = Math.Sqrt(gradient.Sum(g => (double)g * g));
            Assert.True(length > 1e-4, $"a gradient of norm {length}");

            // Small enough that no token of this batch changes its experts: the loss is smooth there.
            const float Step = 2e-3f;
            router.Set([.. weights.Select((w, i) => w + Step * gradient[i] / (float)length)]);
            model.Score(batch, selection);
            double slope = 2 * (model.BalanceLoss - start) / Step;
            Expect.Close(length, slope, 2e-2, 0, "slope along the gradient");
        }
    }

    [SkippableFact]
    public void TrainBackward_BalanceThatWasNotMeasured_IsRefused()
    {
        using IKernels kernels = Backends.Open("reference");
        using Models.Decoder decoder = TinyModels.Create(kernels, "experts");
        using TrainableLanguageModel model = new(decoder);
        PackedBatch batch = PackedBatch.Pack([1, 2, 3]);
        model.TrainForward(batch, TokenSelection.NextTokens(batch));
        Assert.Contains("ExpertBalance", Assert.Throws<InvalidOperationException>(() => model.TrainBackward([0, 0], dBalance: 1)).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void TrainBackward_ModelWithoutExperts_BalanceIsZero()
    {
        using IKernels kernels = Backends.Open("reference");
        using Models.Decoder decoder = TinyModels.Create(kernels, "llama");
        using TrainableLanguageModel model = new(decoder, new TrainingOptions { ExpertBalance = true });
        PackedBatch batch = PackedBatch.Pack([1, 2, 3]);
        model.TrainForward(batch, TokenSelection.NextTokens(batch));
        Assert.Equal(0, model.BalanceLoss);
        model.TrainBackward([0, 0], dBalance: 1);
        Assert.All(decoder.Parameters, p => Assert.All(p.GradientToArray(), g => Assert.Equal(0, g)));
    }
}
