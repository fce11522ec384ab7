namespace HybridEngine.Training.Tests;

/// <summary>The backward of the whole decoder, head included, against central differences of its forward.</summary>
public sealed class FiniteDifferenceTests
{
    [SkippableTheory, ClassData(typeof(BackendsAndModels))]
    public void LanguageModel_EveryParameter_GradientMatchesDifferences(string backend, string name)
    {
        using IKernels kernels = Backends.Open(backend);
        int seed = Environment.TickCount & 0xFFFF;
        Random random = new(seed);
        using Models.Decoder decoder = TinyModels.Create(kernels, name, (ulong)seed, smooth: true);
        using TrainableLanguageModel model = new(decoder);
        PackedBatch batch = PackedBatch.Pack(TinyModels.Sequence(random, 11), TinyModels.Sequence(random, 1), TinyModels.Sequence(random, 19));
        TokenSelection selection = TokenSelection.NextTokens(batch);
        float[] dLogProb = Random(random, selection.Count), dEntropy = Random(random, selection.Count), dLogSumExp = Random(random, selection.Count);

        double Loss()
        {
            TokenScores s = model.Score(batch, selection, 1.3f, entropy: true);
            double sum = 0;
            for (int i = 0; i < selection.Count; i++) { sum += (double)dLogProb[i] * s.LogProbs[i] + (double)dEntropy[i] * s.Entropies[i] + (double)dLogSumExp[i] * s.LogSumExps[i]; }
            return sum;
        }

        model.TrainForward(batch, selection, 1.3f, entropy: true);
        model.TrainBackward(dLogProb, dEntropy, dLogSumExp);
        foreach (Parameter parameter in decoder.Parameters) { CheckDirection(parameter, Loss, random, $"{name} (seed {seed}) {parameter.Name}"); }
    }

    [SkippableTheory, ClassData(typeof(BackendsAndBodies))]
    public void ScalarModel_EveryParameter_GradientMatchesDifferences(string backend, string name)
    {
        using IKernels kernels = Backends.Open(backend);
        int seed = Environment.TickCount & 0xFFFF;
        Random random = new(seed);
        using Models.Decoder body = TinyModels.Create(kernels, name, (ulong)seed, smooth: true);
        using ScalarHead head = new(kernels, body.Config.EmbeddingSize);
        head.Weight.Set(Random(random, body.Config.EmbeddingSize));
        using TrainableScalarModel model = new(body, head);
        PackedBatch batch = PackedBatch.Pack(TinyModels.Sequence(random, 7), TinyModels.Sequence(random, 21));
        int[] rows = [6, 3, 27, 20, 8, 7];
        float[] dValues = Random(random, rows.Length);

        double Loss() => model.Values(batch, rows).Zip(dValues, (a, b) => (double)a * b).Sum();

        float[] values = model.TrainForward(batch, rows);
        Expect.SameBits(model.Values(batch, rows), values, "values with and without tape");
        model.TrainForward(batch, rows);
        model.TrainBackward(dValues);
        CheckDirection(head.Weight, Loss, random, $"{name} (seed {seed}) head");
        foreach (Parameter parameter in body.Parameters)
        {
            if (parameter == body.Head && !body.Config.TiedEmbeddings) { Assert.True(parameter.Gradient.IsEmpty, "the unused vocabulary head has no gradient"); }
            else { CheckDirection(parameter, Loss, random, $"{name} (seed {seed}) {parameter.Name}"); }
        }
    }

    // Along a direction that is half gradient, half random: sensitive to the gradient's length and to its angle.
    private static void CheckDirection(Parameter parameter, Func<double> loss, Random random, string what)
    {
        float[] gradient = parameter.GradientToArray(), start = parameter.ToArray(), noise = Random(random, gradient.Length);
        double length = Math.Sqrt(gradient.Sum(g => (double)g * g)), noiseLength = Math.Sqrt(noise.Sum(g => (double)g * g));
        double[] direction = [.. gradient.Select((g, i) => (length > 0 ? g / length : 0) + noise[i] / noiseLength)];
        double expected = gradient.Select((g, i) => g * direction[i]).Sum();

        double At(double step)
        {
            parameter.Set([.. start.Select((x, i) => (float)(x + step * direction[i]))]);
            return loss();
        }

        // Two step sizes and Richardson's extrapolation: the cubic term cancels.
        const double step = 4e-3;
        double coarse = (At(2 * step) - At(-2 * step)) / (4 * step), fine = (At(step) - At(-step)) / (2 * step);
        double actual = (4 * fine - coarse) / 3;
        parameter.Set(start);
        Assert.True(Math.Abs(actual - expected) <= 1e-2 * length + 5e-3, $"{what}: differences give {actual}, the gradient {expected} (norm {length})");
    }

    private static float[] Random(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
}
