using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>ISamplingKernels.</summary>
public abstract class SamplingContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    public static TheoryData<float, int, float, float, float> Filters => new()
    {
        { 1, 0, 1, 0, 1 }, { 0.7f, 0, 1, 0, 1 }, { 1, 5, 1, 0, 1 }, { 1, 0, 0.6f, 0, 1 }, { 1, 0, 1, 0.2f, 1 }, { 1, 0, 1, 0, 1.5f }, { 1.3f, 20, 0.9f, 0.05f, 1.2f }, { 1, 1, 1, 0, 1 }, { 2, 0, 0.01f, 0, 0.8f },
        { 1, 1000, 1, 1, 1 },
    };

    [SkippableTheory, MemberData(nameof(Filters))]
    public void Sample_ManyDraws_FollowTheFilteredDistribution(float temperature, int topK, float topP, float minP, float penalty)
    {
        const int Vocabulary = 67, Draws = 4000;
        float[] logits = Random.Normal(Vocabulary, 2);
        SamplingCase one = SamplingCase.Plain(1, Random.Seed) with
        {
            Temperature = [temperature], TopK = [topK], TopP = [topP], MinP = [minP], Penalty = [penalty], History = penalty == 1 ? [] : [[3, 9, 9, 50]],
        };
        double[] p = one.Distribution(0, logits);
        (int[] ids, float[] logProb, float[] sampled) = Run(Kernels, Tile(logits, Draws), Vocabulary, one.Repeat(0, Draws));
        double total = logits.Sum(v => Math.Exp((double)v / temperature));
        for (int i = 0; i < Draws; i++)
        {
            Assert.True(p[ids[i]] > 0, $"token {ids[i]} has probability 0, {Random}");
            Assert.True(Math.Abs(Math.Log(p[ids[i]]) - sampled[i]) < 1e-5 * (1 + Math.Abs(sampled[i])), $"log-probability {sampled[i]} for probability {p[ids[i]]}, {Random}");
            Assert.True(Math.Abs(Math.Log(Math.Exp((double)logits[ids[i]] / temperature) / total) - logProb[i]) < 1e-5 * (1 + Math.Abs(logProb[i])), $"{logProb[i]} before filters, {Random}");
        }

        ChiSquare.Check(p, ids, $"{Random}");
    }

    [SkippableFact]
    public void Sample_SameKeyAndCounter_SameDrawInAnyBatch()
    {
        const int Rows = 50, Vocabulary = 300;
        float[] logits = Random.Normal(Rows * Vocabulary, 2);
        SamplingCase all = MixedCase(Rows, Vocabulary);
        (int[] ids, float[] logProb, float[] sampled) = Run(Kernels, logits, Vocabulary, all);
        int[] order = Random.Permutation(Rows)[..20];
        float[] picked = [.. order.SelectMany(r => logits.AsSpan(r * Vocabulary, Vocabulary).ToArray())];
        (int[] ids2, float[] logProb2, float[] sampled2) = Run(Kernels, picked, Vocabulary, all.Pick(order));
        Assert.Equal(order.Select(r => ids[r]), ids2);
        Compare.SameBits([.. order.Select(r => logProb[r])], logProb2, Random);
        Compare.SameBits([.. order.Select(r => sampled[r])], sampled2, Random);
        for (int threads = 1; threads <= 3; threads++)
        {
            (int[] ids3, float[] logProb3, float[] sampled3) = Run(Open(threads), logits, Vocabulary, all);
            Assert.Equal(ids, ids3);
            Compare.SameBits(logProb, logProb3, Random);
            Compare.SameBits(sampled, sampled3, Random);
        }
    }

    [SkippableFact]
    public void Sample_OtherSeedRequestChoiceOrPosition_OtherDraws()
    {
        const int Rows = 64, Vocabulary = 300;
        float[] logits = Random.Normal(Rows * Vocabulary);
        SamplingCase plain = SamplingCase.Plain(Rows);
        int[] ids = Run(Kernels, logits, Vocabulary, plain).Ids;
        SamplingCase[] others =
        [
            plain with { Seeds = SamplingCase.Fill(Rows, 8L) }, plain with { Seeds = SamplingCase.Fill(Rows, 7L + (1L << 32)) },
            plain with { Requests = SamplingCase.Fill(Rows, 4L) }, plain with { Requests = SamplingCase.Fill(Rows, 3L + (1L << 32)) },
            plain with { Choices = SamplingCase.Fill(Rows, 1) }, plain with { Positions = [.. plain.Positions.Select(p => p + 1000)] },
        ];
        Assert.All(others, o => Assert.NotEqual(ids, Run(Kernels, logits, Vocabulary, o).Ids));
    }

    [SkippableFact]
    public void Sample_PlainDraw_IsTheFirstWhoseRunningSumExceedsPhilox()
    {
        // Four equal logits: the token is the quarter that word 0 falls into.
        SamplingCase plain = SamplingCase.Plain(200, 0x123456789ABCDEF);
        int[] ids = Run(Kernels, new float[200 * 4], 4, plain).Ids;
        Assert.Equal(Enumerable.Range(0, 200).Select(p => (int)(Philox.Words(0x123456789ABCDEF, (uint)p, 0, 3, 0).R0 >> 30)), ids);
    }

    [SkippableFact]
    public void Sample_MixedRows_AgreesWithReference()
    {
        const int Rows = 200, Vocabulary = 301;
        float[] logits = Random.Normal(Rows * Vocabulary, 2);
        SamplingCase all = MixedCase(Rows, Vocabulary);
        (int[] expected, float[] expectedLogProb, float[] expectedSampled) = Run(Oracle, logits, Vocabulary, all);
        (int[] actual, float[] logProb, float[] sampled) = Run(Kernels, logits, Vocabulary, all);
        // A draw may fall on the other side of a boundary by a rounding; two hundred do not.
        int[] same = [.. Enumerable.Range(0, Rows).Where(r => expected[r] == actual[r])];
        Assert.True(same.Length >= Rows - 2, $"{Rows - same.Length} of {Rows} draws differ, {Random}");
        Compare.Close([.. same.Select(r => expectedLogProb[r])], [.. same.Select(r => logProb[r])], 4e-6, 4e-6, Random);
        Compare.Close([.. same.Select(r => expectedSampled[r])], [.. same.Select(r => sampled[r])], 4e-6, 4e-6, Random);
    }

    [SkippableFact]
    public void Sample_TemperatureZero_TakesTheGreatestPenalisedLogit()
    {
        float[] logits = [1, 5, 5, 2, 4.9f, -1];
        SamplingCase greedy = SamplingCase.Plain(2) with { Temperature = [0, 0], Penalty = [1, 2], History = [[], [1, 2, 5]] };
        (int[] ids, float[] logProb, float[] sampled) = Run(Kernels, Tile(logits, 2), 6, greedy);
        Assert.Equal([1, 4], ids);
        Assert.Equal([0, 0], sampled);
        double total = Math.Log(logits.Sum(v => Math.Exp(v)));
        Compare.Close([(float)(5 - total), (float)(4.9f - total)], logProb, 1e-6, 1e-6);
    }

    [SkippableFact]
    public void Sample_TiesAtTheThreshold_StayIn()
    {
        float[] logits = [2, 1, 1, 1, 0];
        SamplingCase ties = SamplingCase.Plain(1) with { TopK = [2] };
        Assert.Equal([0, 1, 2, 3], Run(Kernels, Tile(logits, 400), 5, ties.Repeat(0, 400)).Ids.Distinct().Order());
        ties = SamplingCase.Plain(1) with { MinP = [1] };
        Assert.Equal([1, 2], Run(Kernels, Tile([0, 3, 3, 2], 100), 4, ties.Repeat(0, 100)).Ids.Distinct().Order());
    }

    [SkippableFact]
    public void Sample_MinusInfinity_IsNeverDrawn()
    {
        float[] logits = [.. Enumerable.Range(0, 40).Select(v => v % 3 == 0 ? float.NegativeInfinity : 0f)];
        int[] ids = Run(Kernels, Tile(logits, 500), 40, SamplingCase.Plain(500)).Ids;
        Assert.DoesNotContain(ids, id => id % 3 == 0);
    }

    [SkippableFact]
    public void Sample_MaskedRows_DrawWhatIsLeft()
    {
        const int Rows = 90, Vocabulary = 77, Words = 4;
        float[] logits = Random.Normal(Rows * Vocabulary, 2);
        SamplingCase all = MixedCase(Rows, Vocabulary);
        int[] masks = Random.Integers(3 * Words, int.MinValue, int.MaxValue), maskRows = [.. Enumerable.Range(0, Rows).Select(r => r % 4 - 1)];
        masks.AsSpan(2 * Words).Clear();
        (int[] ids, float[] logProb, float[] sampled) = Run(Kernels, logits, Vocabulary, all, masks, maskRows);
        bool Allowed(int r, int v) => maskRows[r] < 0 || (masks[maskRows[r] * Words + v / 32] >> (v % 32) & 1) != 0;
        float[] masked = [.. logits.Select((z, i) => Allowed(i / Vocabulary, i % Vocabulary) ? z : float.NegativeInfinity)];
        (int[] expected, _, float[] expectedSampled) = Run(Kernels, masked, Vocabulary, all);
        for (int r = 0; r < Rows; r++)
        {
            if (maskRows[r] == 2)
            {
                Assert.True(ids[r] == -1 && float.IsNaN(logProb[r]) && float.IsNaN(sampled[r]), $"row {r}: {ids[r]} of nothing, {Random}");
                continue;
            }

            Assert.True(ids[r] == expected[r] && Allowed(r, ids[r]), $"row {r}: {ids[r]}, expected {expected[r]}, {Random}");
            Assert.Equal(expectedSampled[r], sampled[r]);
            double total = Math.Log(Enumerable.Range(0, Vocabulary).Sum(v => Math.Exp(logits[r * Vocabulary + v] / Scale(r))));
            Assert.Equal(logits[r * Vocabulary + ids[r]] / Scale(r) - total, logProb[r], 1e-4);
        }

        double Scale(int r) => all.Temperature[r] == 0 ? 1 : all.Temperature[r];
    }

    [SkippableTheory, InlineData(1), InlineData(5), InlineData(64)]
    public void TopLogProbs_BestFirst_TiesByLowerId(int k)
    {
        const int Rows = 3, Vocabulary = 64;
        float[] logits = [.. Random.Integers(Rows * Vocabulary, 0, 9).Select(v => (float)v)];
        float[] temperature = [1, 0.5f, 0];
        Tensor ids = Kernels.Allocate(DType.Int32, Rows, k), logProbs = Space(Kernels, Rows, k), each = Kernels.Allocate(DType.Float32, Rows);
        Tensor stored = Place(Kernels, logits, Rows, Vocabulary), temperatures = Kernels.Floats(temperature);
        Kernels.TopLogProbs(stored, temperatures, ids, logProbs);
        int[] best = Kernels.ReadInts(ids);
        float[] values = Kernels.Read(logProbs);
        for (int r = 0; r < Rows; r++)
        {
            Assert.Equal(Enumerable.Range(0, Vocabulary).OrderByDescending(v => logits[r * Vocabulary + v]).ThenBy(v => v).Take(k), best[(r * k)..((r + 1) * k)]);
        }

        for (int i = 0; i < k; i++)
        {
            Kernels.LogProbsFromLogits(stored, temperatures, Kernels.Ints([.. Enumerable.Range(0, Rows).Select(r => best[r * k + i])]), each);
            Compare.SameBits(Kernels.Read(each), [.. Enumerable.Range(0, Rows).Select(r => values[r * k + i])], Random);
        }
    }

    [SkippableFact]
    public void EveryCall_WrongArgument_IsRefusedByName()
    {
        Tensor logits = Kernels.Allocate(DType.Float32, 2, 5), ids = Kernels.Allocate(DType.Int32, 2), two = Kernels.Allocate(DType.Float32, 2), bad = Kernels.Allocate(DType.Float32, 3);
        SamplingCase plain = SamplingCase.Plain(2);
        void Draw(SamplingCase c) => Kernels.Sample(logits, c.Tensors(Kernels), ids, two, default);
        Refuses("parameters.Temperature", () => Draw(plain with { Temperature = [1, -1] }));
        Refuses("parameters.TopK", () => Draw(plain with { TopK = [1, -1] }));
        Refuses("parameters.TopP", () => Draw(plain with { TopP = [0, 1] }));
        Refuses("parameters.MinP", () => Draw(plain with { MinP = [0, 1.5f] }));
        Refuses("parameters.RepetitionPenalty", () => Draw(plain with { Penalty = [1.5f, 1] }));
        Refuses("parameters.Seeds", () => Draw(plain with { Seeds = [1] }));
        Refuses("ids", () => Kernels.Sample(logits, plain.Tensors(Kernels), bad, two, default));
        Refuses("ids", () => Kernels.TopLogProbs(logits, two, Kernels.Allocate(DType.Int32, 2, 6), Kernels.Allocate(DType.Float32, 2, 6)));
        Refuses("targets[0]", () => Kernels.LogProbsFromLogits(logits, two, Kernels.Ints([5, 0]), two));
    }

    private SamplingCase MixedCase(int rows, int vocabulary)
    {
        SamplingCase plain = SamplingCase.Plain(rows, Random.Seed);
        return plain with
        {
            Temperature = [.. Random.Uniform(rows, 0.3, 2).Select((t, r) => r % 7 == 0 ? 0 : t)], TopK = Random.Integers(rows, 0, 30), TopP = Random.Uniform(rows, 0.3, 1),
            MinP = Random.Uniform(rows, 0, 0.1), Penalty = Random.Uniform(rows, 0.8, 1.5), History = [.. Enumerable.Range(0, rows).Select(_ => Random.Integers(Random.Integer(0, 20), 0, vocabulary))],
            Requests = [.. Random.Integers(rows, 0, 99).Select(v => (long)v)], Choices = Random.Integers(rows, 0, 4), Positions = Random.Integers(rows, 0, 1000),
        };
    }

    private (int[] Ids, float[] LogProb, float[] Sampled) Run(IKernels k, float[] logits, int vocabulary, SamplingCase parameters, int[]? masks = null, int[]? maskRows = null)
    {
        SamplingTensors tensors = parameters.Tensors(k);
        if (masks is not null) { tensors = tensors with { Masks = k.Ints(masks, masks.Length / 4, 4), MaskRows = k.Ints(maskRows!) }; }
        Tensor ids = k.Allocate(DType.Int32, parameters.Rows), logProb = k.Allocate(DType.Float32, parameters.Rows), sampled = k.Allocate(DType.Float32, parameters.Rows);
        k.Sample(Place(k, logits, parameters.Rows, vocabulary), tensors, ids, logProb, sampled);
        return (k.ReadInts(ids), k.Read(logProb), k.Read(sampled));
    }

    private static float[] Tile(float[] row, int rows) => [.. Enumerable.Repeat(row, rows).SelectMany(v => v)];
}
