using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>ISamplingKernels.</summary>
public abstract class SamplingContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    private const int FilterCases = 26;

    public static TheoryData<int> Filters => [.. Enumerable.Range(0, FilterCases)];

    // Each step alone, then ever more of them together.
    private static SamplingRow Filter(int index)
    {
        SamplingRow plain = SamplingRow.Plain, all = plain with { Temperature = 1.3f, TopK = 30, TopP = 0.95f, MinP = 0.01f, TypicalP = 0.9f, EpsilonCutoff = 0.01f, EtaCutoff = 0.02f, TopNSigma = 2, RepetitionPenalty = 1.2f, FrequencyPenalty = 0.4f, PresencePenalty = 0.3f };
        SamplingRow[] cases =
        [
            plain, plain with { Temperature = 0.7f }, plain with { TopK = 5 }, plain with { TopP = 0.6f }, plain with { MinP = 0.2f }, plain with { RepetitionPenalty = 1.5f },
            plain with { TopK = 1 }, plain with { Temperature = 2, TopP = 0.01f, RepetitionPenalty = 0.8f }, plain with { TopK = 1000, MinP = 1 }, plain with { TopP = 0 },
            plain with { TypicalP = 0.5f }, plain with { TypicalP = 0.05f }, plain with { EpsilonCutoff = 0.03f }, plain with { EpsilonCutoff = 0.9f }, plain with { EtaCutoff = 0.05f },
            plain with { TopNSigma = 1 }, plain with { FrequencyPenalty = 1.1f }, plain with { PresencePenalty = -2 },
            plain with { Temperature = 1.5f, TopNSigma = 1.5f, TopP = 0.9f }, plain with { TopK = 12, TypicalP = 0.8f }, plain with { TopP = 0.9f, EtaCutoff = 0.1f },
            plain with { MinP = 0.05f, TypicalP = 0.6f, EpsilonCutoff = 0.05f }, plain with { RepetitionPenalty = 1.3f, FrequencyPenalty = 0.5f, PresencePenalty = 0.5f, Temperature = 0.6f },
            plain with { Temperature = 1.3f, TopK = 20, TopP = 0.9f, MinP = 0.05f, RepetitionPenalty = 1.2f }, all, all with { Temperature = 0.8f, TopK = 0 },
        ];
        Assert.Equal(FilterCases, cases.Length);
        return cases[index];
    }

    [SkippableTheory, MemberData(nameof(Filters))]
    public void Sample_ManyDraws_FollowTheFilteredDistribution(int filter)
    {
        const int Vocabulary = 67, Draws = 4000;
        float[] logits = Random.Normal(Vocabulary, 2);
        SamplingCase one = new([Filter(filter) with { Seed = Random.Seed, Request = 3 }]) { History = [[3, 9, 9, 50]] };
        double[] p = one.Distribution(0, logits);
        (int[] ids, float[] logProb, float[] sampled) = Run(Kernels, Tile(logits, Draws), Vocabulary, one.Repeat(0, Draws));
        double temperature = one.Rows[0].Temperature, total = logits.Sum(v => Math.Exp(v / temperature));
        for (int i = 0; i < Draws; i++)
        {
            Assert.True(p[ids[i]] > 0, $"token {ids[i]} has probability 0, {Random}");
            Assert.True(Math.Abs(Math.Log(p[ids[i]]) - sampled[i]) < 1e-5 * (1 + Math.Abs(sampled[i])), $"log-probability {sampled[i]} for probability {p[ids[i]]}, {Random}");
            Assert.True(Math.Abs(Math.Log(Math.Exp(logits[ids[i]] / temperature) / total) - logProb[i]) < 1e-5 * (1 + Math.Abs(logProb[i])), $"{logProb[i]} before filters, {Random}");
        }

        ChiSquare.Check(p, ids, $"{Random}");
    }

    [SkippableTheory, MemberData(nameof(Filters))]
    public void ProcessLogits_AnyRow_IsWhatIsDrawnFrom(int filter)
    {
        const int Vocabulary = 67;
        float[] logits = Random.Normal(Vocabulary, 2);
        SamplingCase one = new([Filter(filter)]) { History = [[3, 9, 9, 50]] };
        double[] p = one.Distribution(0, logits);
        float[] processed = Process(Kernels, logits, Vocabulary, one);
        double total = processed.Sum(v => Math.Exp(v - processed.Max()));
        for (int v = 0; v < Vocabulary; v++) { Assert.True(Math.Abs(Math.Exp(processed[v] - processed.Max()) / total - p[v]) < 2e-6, $"token {v}: logit {processed[v]}, probability {p[v]}, {Random}"); }
    }

    [SkippableFact]
    public void Sample_SameKeyAndCounter_SameDrawInAnyBatch()
    {
        const int Rows = 50, Vocabulary = 300;
        float[] logits = Random.Normal(Rows * Vocabulary, 2);
        SamplingCase all = SamplingCase.Mixed(Random, Rows, Vocabulary);
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
            plain.With(r => r with { Seed = 8 }), plain.With(r => r with { Seed = 7 + (1L << 32) }), plain.With(r => r with { Request = 4 }), plain.With(r => r with { Request = 3 + (1L << 32) }),
            plain.With(r => r with { Choice = 1 }), plain.With(r => r with { Position = r.Position + 1000 }),
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
        SamplingCase all = SamplingCase.Mixed(Random, Rows, Vocabulary);
        (int[] expected, float[] expectedLogProb, float[] expectedSampled) = Run(Oracle, logits, Vocabulary, all);
        (int[] actual, float[] logProb, float[] sampled) = Run(Kernels, logits, Vocabulary, all);
        // A draw may fall on the other side of a boundary by a rounding; two hundred do not.
        int[] same = [.. Enumerable.Range(0, Rows).Where(r => expected[r] == actual[r])];
        Assert.True(same.Length >= Rows - 2, $"{Rows - same.Length} of {Rows} draws differ, {Random}");
        Compare.Close([.. same.Select(r => expectedLogProb[r])], [.. same.Select(r => logProb[r])], 4e-6, 4e-6, Random);
        Compare.Close([.. same.Select(r => expectedSampled[r])], [.. same.Select(r => sampled[r])], 4e-6, 4e-6, Random);
    }

    [SkippableFact]
    public void ProcessLogits_MixedRows_AgreesWithReferenceAndKeepsWhatIsDrawn()
    {
        const int Rows = 200, Vocabulary = 301;
        float[] logits = Random.Normal(Rows * Vocabulary, 2);
        SamplingCase all = SamplingCase.Mixed(Random, Rows, Vocabulary);
        float[] expected = Process(Oracle, logits, Vocabulary, all), actual = Process(Kernels, logits, Vocabulary, all);
        int[] ids = Run(Kernels, logits, Vocabulary, all).Ids;
        int different = 0;
        for (int r = 0; r < Rows; r++)
        {
            Assert.True(ids[r] < 0 || actual[r * Vocabulary + ids[r]] > float.NegativeInfinity, $"row {r} drew {ids[r]}, which was removed, {Random}");
            bool same = true;
            for (int i = r * Vocabulary; i < (r + 1) * Vocabulary; i++)
            {
                same &= float.IsNegativeInfinity(expected[i]) == float.IsNegativeInfinity(actual[i]);
                Assert.True(!float.IsFinite(expected[i]) || !float.IsFinite(actual[i]) || Math.Abs(expected[i] - actual[i]) <= 2e-6 * (1 + Math.Abs(expected[i])), $"row {r}: {actual[i]}, expected {expected[i]}, {Random}");
            }

            different += same ? 0 : 1;
        }

        // A cut may fall elsewhere by a rounding; two hundred do not.
        Assert.True(different <= 2, $"{different} rows keep other tokens, {Random}");
    }

    [SkippableFact]
    public void Sample_ForcedTokens_WinOverBansButNotOverAMask()
    {
        SamplingCase one = SamplingCase.Plain(1) with { Rules = [new([1], float.PositiveInfinity), new([3], float.PositiveInfinity), new([1], float.NegativeInfinity)], Masks = [[0b1110], [0b1101], [0b0101]] };
        float[] logits = [9, 1, 2, 3];
        float[] Forced(int mask) => Process(Kernels, logits, 4, one.With(r => r with { RulesCount = 3, Mask = mask }));
        Assert.Equal([float.NegativeInfinity, 0, float.NegativeInfinity, 0], Forced(-1));
        Assert.Equal([float.NegativeInfinity, 0, float.NegativeInfinity, 0], Forced(0));
        Assert.Equal([float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, 0], Forced(1));
        Assert.All(Forced(2), z => Assert.Equal(float.NegativeInfinity, z));
    }

    [SkippableFact]
    public void Sample_EverythingRemoved_SaysThatNothingCanBeDrawn()
    {
        float[] logits = [.. Enumerable.Repeat(float.NegativeInfinity, 6), 1, 2, 3, 4, 5, 6];
        SamplingCase two = SamplingCase.Plain(2) with { Rules = [.. Enumerable.Range(0, 6).Select(v => new SamplingRule([v], float.NegativeInfinity))] };
        two = two with { Rows = [two.Rows[0], two.Rows[1] with { RulesCount = 6 }] };
        foreach (SamplingCase c in new[] { two, two.With(r => r with { Temperature = 0 }), two.With(r => r with { TopP = 0.5f, TypicalP = 0.5f }) })
        {
            (int[] ids, float[] logProb, float[] sampled) = Run(Kernels, logits, 6, c);
            Assert.Equal([-1, -1], ids);
            Assert.All([.. logProb, .. sampled], p => Assert.True(float.IsNaN(p)));
            Assert.All(Process(Kernels, logits, 6, c), z => Assert.Equal(float.NegativeInfinity, z));
        }
    }

    [SkippableFact]
    public void LogSoftmaxAndTopValues_AnyRows_AgreeWithSingleTokens()
    {
        const int Rows = 4, Vocabulary = 333, K = 7;
        float[] logits = Random.Normal(Rows * Vocabulary, 3), temperature = [1, 0.5f, 0, 2];
        Tensor stored = Place(Kernels, logits, Rows, Vocabulary), temperatures = Kernels.Floats(temperature), all = Space(Kernels, Rows, Vocabulary);
        Kernels.LogSoftmax(stored, temperatures, all);
        Tensor ids = Kernels.Allocate(DType.Int32, Rows, K), top = Space(Kernels, Rows, K), ids2 = Kernels.Allocate(DType.Int32, Rows, K), top2 = Space(Kernels, Rows, K);
        Kernels.TopValues(all, ids, top);
        Kernels.TopLogProbs(stored, temperatures, ids2, top2);
        Assert.Equal(Kernels.ReadInts(ids2), Kernels.ReadInts(ids));
        Compare.SameBits(Kernels.Read(top2), Kernels.Read(top), Random);
        Kernels.LogSoftmax(stored, temperatures, stored);
        Compare.SameBits(Kernels.Read(all), Kernels.Read(stored), Random);
    }

    [SkippableFact]
    public void Sample_TemperatureZero_TakesTheGreatestPenalisedLogit()
    {
        float[] logits = [1, 5, 5, 2, 4.9f, -1];
        SamplingCase greedy = new([SamplingRow.Plain with { Temperature = 0 }, SamplingRow.Plain with { Temperature = 0, RepetitionPenalty = 2 }]) { History = [[], [1, 2, 5]] };
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
        SamplingCase ties = SamplingCase.Plain(1).With(r => r with { TopK = 2 });
        Assert.Equal([0, 1, 2, 3], Run(Kernels, Tile(logits, 400), 5, ties.Repeat(0, 400)).Ids.Distinct().Order());
        ties = SamplingCase.Plain(1).With(r => r with { MinP = 1 });
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
        // Without rules: what a rule forces, a mask may still refuse, which logits of -inf do not.
        SamplingCase all = SamplingCase.Mixed(Random, Rows, Vocabulary).With(r => r with { RulesCount = 0 });
        int[][] masks = [Random.Integers(Words, int.MinValue, int.MaxValue), Random.Integers(Words, int.MinValue, int.MaxValue), new int[Words]];
        int[] maskRows = [.. Enumerable.Range(0, Rows).Select(r => r % 4 - 1)];
        (int[] ids, float[] logProb, float[] sampled) = Run(Kernels, logits, Vocabulary, all with { Masks = masks, Rows = [.. all.Rows.Select((row, r) => row with { Mask = maskRows[r] })] });
        bool Allowed(int r, int v) => maskRows[r] < 0 || (masks[maskRows[r]][v / 32] >> (v % 32) & 1) != 0;
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

        double Scale(int r) => all.Rows[r].Temperature == 0 ? 1 : all.Rows[r].Temperature;
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
        void RefusesRow(string field, Func<SamplingRow, SamplingRow> change) => Refuses($"parameters.Rows[1].{field}", () => Draw(plain with { Rows = [plain.Rows[0], change(plain.Rows[1])], History = [[0], [1]] }));
        RefusesRow("Temperature", r => r with { Temperature = -1 });
        RefusesRow("Temperature", r => r with { Temperature = float.NaN });
        RefusesRow("TopK", r => r with { TopK = -1 });
        RefusesRow("TopP", r => r with { TopP = 1.5f });
        RefusesRow("MinP", r => r with { MinP = -0.5f });
        RefusesRow("TypicalP", r => r with { TypicalP = 0 });
        RefusesRow("EpsilonCutoff", r => r with { EpsilonCutoff = 1 });
        RefusesRow("EtaCutoff", r => r with { EtaCutoff = float.NaN });
        RefusesRow("TopNSigma", r => r with { TopNSigma = float.PositiveInfinity });
        RefusesRow("RepetitionPenalty", r => r with { RepetitionPenalty = 0 });
        RefusesRow("FrequencyPenalty", r => r with { FrequencyPenalty = float.NaN });
        RefusesRow("NoRepeatNgram", r => r with { NoRepeatNgram = -1 });
        RefusesRow("RulesCount", r => r with { RulesCount = 1 });
        RefusesRow("Mask", r => r with { Mask = 0 });
        Refuses("parameters.History", () => Draw(plain.With(r => r with { NoRepeatNgram = 2 })));
        Refuses("parameters.Rules[0]", () => Draw(plain with { Rules = [new SamplingRule([1], float.NaN)] }));
        Refuses("parameters.Rules[1]", () => Draw(plain with { Rules = [new SamplingRule([1], 1), new SamplingRule([], 1)] }));
        Refuses("parameters.Rows", () => Draw(SamplingCase.Plain(3)));
        Refuses("ids", () => Kernels.Sample(logits, plain.Tensors(Kernels), bad, two, default));
        Refuses("processed", () => Kernels.ProcessLogits(logits, plain.Tensors(Kernels), bad));
        Refuses("logProbs", () => Kernels.LogSoftmax(logits, two, bad));
        Refuses("ids", () => Kernels.TopValues(logits, Kernels.Allocate(DType.Int32, 2, 6), Kernels.Allocate(DType.Float32, 2, 6)));
        Refuses("ids", () => Kernels.TopLogProbs(logits, two, Kernels.Allocate(DType.Int32, 2, 6), Kernels.Allocate(DType.Float32, 2, 6)));
        Refuses("targets[0]", () => Kernels.LogProbsFromLogits(logits, two, Kernels.Ints([5, 0]), two));
    }

    private (int[] Ids, float[] LogProb, float[] Sampled) Run(IKernels k, float[] logits, int vocabulary, SamplingCase parameters)
    {
        int rows = parameters.Rows.Length;
        Tensor ids = k.Allocate(DType.Int32, rows), logProb = k.Allocate(DType.Float32, rows), sampled = k.Allocate(DType.Float32, rows);
        k.Sample(Place(k, logits, rows, vocabulary), parameters.Tensors(k), ids, logProb, sampled);
        return (k.ReadInts(ids), k.Read(logProb), k.Read(sampled));
    }

    private float[] Process(IKernels k, float[] logits, int vocabulary, SamplingCase parameters)
    {
        int rows = parameters.Rows.Length;
        Tensor processed = Space(k, rows, vocabulary);
        k.ProcessLogits(Place(k, logits, rows, vocabulary), parameters.Tensors(k), processed);
        return k.Read(processed);
    }

    private static float[] Tile(float[] row, int rows) => [.. Enumerable.Repeat(row, rows).SelectMany(v => v)];
}
