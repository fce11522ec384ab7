using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>IExpertKernels.</summary>
public abstract class ExpertContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    [SkippableTheory, InlineData(0, 4, 2), InlineData(1, 1, 1), InlineData(9, 8, 2), InlineData(33, 17, 5), InlineData(7, 60, 60)]
    public void RouteExperts_BothForms_AgreesWithReference(int tokens, int experts, int topK)
    {
        float[] logits = Random.Normal(tokens * experts), dWeights = Random.Normal(tokens * topK);
        foreach (bool normalize in new[] { false, true })
        {
            (int[] expectedIds, float[] expectedWeights, float[] expectedGradient) = Route(Oracle, tokens, experts, topK, logits, dWeights, normalize);
            (int[] ids, float[] weights, float[] gradient) = Route(Kernels, tokens, experts, topK, logits, dWeights, normalize);
            Assert.Equal(expectedIds, ids);
            Compare.Close(expectedWeights, weights, 2e-6, 2e-6, Random);
            Compare.Close(expectedGradient, gradient, 1e-5, 1e-5, Random);
            for (int t = 0; normalize && t < tokens; t++) { Assert.Equal(1, weights[(t * topK)..((t + 1) * topK)].Sum(), 1e-5f); }
        }
    }

    [SkippableFact]
    public void RouteExperts_HandMadeTies_LowerIndexFirst()
    {
        // Soft-max of (0, 1, 0, 1) is e^0 : e^1.
        (int[] ids, float[] weights, _) = Route(Kernels, 1, 4, 3, [0, 1, 0, 1], [0, 0, 0], normalize: false);
        Assert.Equal([1, 3, 0], ids);
        Compare.Close([0.365529289f, 0.365529289f, 0.134470711f], weights, 1e-6, 1e-6);
    }

    [SkippableTheory, InlineData(false), InlineData(true)]
    public void RouteExpertsBackward_AgainstFiniteDifferences_Agrees(bool normalize)
    {
        // Logits far enough apart that the choice does not change.
        float[] logits = [0, 1, -1, 2, 3, -2, 0.5f, 1.5f, -0.5f, 2.5f], dWeights = Random.Normal(2 * 3);
        float[] Forward() => Route(Oracle, 2, 5, 3, logits, dWeights, normalize).Weights;
        FiniteDifferences.Check(logits, Forward, dWeights, Route(Kernels, 2, 5, 3, logits, dWeights, normalize).Gradient, $"normalize {normalize}, {Random}");
    }

    [SkippableTheory, InlineData(0, 4, 2), InlineData(1, 3, 1), InlineData(9, 8, 2), InlineData(70, 17, 5), InlineData(300, 4, 4)]
    public void GroupChoices_RandomChoices_IsAStableSortByExpert(int tokens, int experts, int topK)
    {
        int[] chosen = [.. Enumerable.Range(0, tokens * topK).Select(_ => Random.Integer(0, experts))];
        Tensor offsets = Kernels.Allocate(DType.Int32, experts + 1), owners = Kernels.Allocate(DType.Int32, chosen.Length), slots = Kernels.Allocate(DType.Int32, tokens, topK);
        Kernels.GroupChoices(Kernels.Ints(chosen).View(tokens, topK), offsets, owners, slots);
        int[] order = [.. Enumerable.Range(0, chosen.Length).OrderBy(i => chosen[i])];  // OrderBy is stable
        Assert.Equal(order.Select(i => i / topK), Kernels.ReadInts(owners));
        Assert.Equal(Enumerable.Range(0, chosen.Length).Select(i => Array.IndexOf(order, i)), Kernels.ReadInts(slots));
        Assert.Equal(Enumerable.Range(0, experts + 1).Select(e => chosen.Count(c => c < e)), Kernels.ReadInts(offsets));
    }

    [SkippableTheory, InlineData(1, 1, 1), InlineData(7, 3, 33), InlineData(40, 2, 300)]
    public void CombineChoices_AndItsBackward_AgreeWithReference(int tokens, int topK, int width)
    {
        int[] slots = Random.Permutation(tokens * topK);
        float[] grouped = Random.Normal(slots.Length * width), weights = Random.Normal(slots.Length), dy = Random.Normal(tokens * width);
        float[][] Run(IKernels k)
        {
            Tensor rows = Place(k, grouped, slots.Length, width), places = k.Ints(slots).View(tokens, topK), factors = Place(k, weights, tokens, topK);
            Tensor y = Space(k, tokens, width), dGrouped = Space(k, slots.Length, width), dWeights = Space(k, tokens, topK);
            k.CombineChoices(rows, places, factors, y);
            k.CombineChoicesBackward(rows, places, factors, Place(k, dy, tokens, width), dGrouped, dWeights);
            return [k.Read(y), k.Read(dGrouped), k.Read(dWeights)];
        }

        float[][] expected = Run(Oracle), actual = Run(Kernels);
        for (int i = 0; i < expected.Length; i++) { Compare.CloseToLargest(expected[i], actual[i], 2e-6, $"output {i}, {Random}"); }
    }

    [SkippableFact]
    public void CombineChoices_TokenAloneOrInBatch_SameBits()
    {
        const int Tokens = 9, TopK = 3, Width = 37;
        int[] slots = Random.Permutation(Tokens * TopK);
        float[] grouped = Random.Normal(slots.Length * Width), weights = Random.Normal(slots.Length);
        Tensor y = Space(Kernels, Tokens, Width), one = Space(Kernels, 1, Width);
        Kernels.CombineChoices(Place(Kernels, grouped, slots.Length, Width), Kernels.Ints(slots).View(Tokens, TopK), Place(Kernels, weights, Tokens, TopK), y);
        for (int t = 0; t < Tokens; t++)
        {
            float[] rows = [.. Enumerable.Range(0, TopK).SelectMany(i => grouped.Skip(slots[t * TopK + i] * Width).Take(Width))];
            Kernels.CombineChoices(Place(Kernels, rows, TopK, Width), Kernels.Ints([0, 1, 2]).View(1, TopK), Place(Kernels, weights.AsSpan(t * TopK, TopK), 1, TopK), one);
            Compare.SameBits(Kernels.Read(y).AsSpan(t * Width, Width), Kernels.Read(one), Random);
        }
    }

    [SkippableTheory, InlineData(1, 1, 1), InlineData(33, 17, 4), InlineData(200, 8, 2)]
    public void ExpertLoad_AndItsBackward_AgreeWithReference(int tokens, int experts, int topK)
    {
        float[] logits = Random.Normal(tokens * experts), d = Random.Normal(experts), start = Random.Normal(tokens * experts);
        int[] chosen = [.. Enumerable.Range(0, tokens * topK).Select(_ => Random.Integer(0, experts))];
        float[][] Run(IKernels k)
        {
            Tensor counts = k.Allocate(DType.Float64, experts), sums = k.Allocate(DType.Float64, experts), dLogits = Place(k, start, tokens, experts);
            Tensor rows = Place(k, logits, tokens, experts), ids = k.Ints(chosen).View(tokens, topK);
            k.Zero(counts);
            k.Zero(sums);
            for (int layer = 0; layer < 2; layer++) { k.ExpertLoad(rows, ids, counts, sums); }
            k.ExpertLoadBackward(rows, k.Floats(d), dLogits);
            double[] both = new double[2 * experts];
            k.Download(counts, both.AsSpan(0, experts));
            k.Download(sums, both.AsSpan(experts));
            return [[.. both.Select(v => (float)v)], k.Read(dLogits)];
        }

        float[][] expected = Run(Oracle), actual = Run(Kernels);
        Assert.Equal(2 * tokens * topK, actual[0].Take(experts).Sum());
        for (int i = 0; i < expected.Length; i++) { Compare.CloseToLargest(expected[i], actual[i], 2e-6, $"output {i}, {Random}"); }
    }

    [SkippableTheory]
    [InlineData(new[] { 0, 0, 0 }, 5, 7), InlineData(new[] { 3, 0, 17, 1 }, 33, 15), InlineData(new[] { 40, 7 }, 257, 65)]
    public void GroupedLinear_AndItsBackward_AgreeWithReference(int[] rows, int inputs, int outputs)
    {
        int total = rows.Sum();
        float[] x = Random.Normal(total * inputs), dy = Random.Normal(total * outputs);
        float[][] w = [.. rows.Select(_ => Random.Normal(outputs * inputs))];
        float[][] Run(IKernels k)
        {
            WeightMatrix[] experts = [.. w.Select(v => k.Weight(v, outputs, inputs))], gradients = [.. w.Select(v => k.Weight(v, outputs, inputs))];
            Tensor offsets = k.Ints(AttentionCase.Sums(rows)), y = Space(k, total, outputs), dx = Space(k, total, inputs);
            k.GroupedLinear(Place(k, x, total, inputs), offsets, experts, y);
            k.GroupedLinearBackward(Place(k, x, total, inputs), Place(k, dy, total, outputs), offsets, experts, dx, gradients);
            k.GroupedLinearBackward(Place(k, x, total, inputs), Place(k, dy, total, outputs), offsets, experts, default, null);
            return [k.Read(y), k.Read(dx), .. gradients.Select(k.ReadWeight)];
        }

        float[][] expected = Run(Oracle), actual = Run(Kernels);
        for (int i = 0; i < expected.Length; i++) { Compare.CloseToLargest(expected[i], actual[i], 3e-6, $"output {i}, {Random}"); }
    }

    [SkippableFact]
    public void GroupedLinear_OneExpert_GivesTheBitsOfLinear()
    {
        WeightMatrix w = Kernels.Weight(Random.Normal(33 * 300), 33, 300);
        Tensor x = Place(Kernels, Random.Normal(9 * 300), 9, 300), y = Space(Kernels, 9, 33), grouped = Space(Kernels, 9, 33);
        Kernels.Linear(x, w, default, y);
        Kernels.GroupedLinear(x, Kernels.Ints([0, 9]), [w], grouped);
        Compare.SameBits(Kernels.Read(y), Kernels.Read(grouped), Random);
    }

    [SkippableFact]
    public void EveryCall_WrongArgument_IsRefusedByName()
    {
        Tensor logits = Kernels.Allocate(DType.Float32, 2, 4), experts = Kernels.Allocate(DType.Int32, 2, 2), weights = Kernels.Allocate(DType.Float32, 2, 2), bad = Kernels.Allocate(DType.Float32, 2, 3);
        Refuses("experts", () => Kernels.RouteExperts(logits, true, Kernels.Allocate(DType.Int32, 2, 5), Kernels.Allocate(DType.Float32, 2, 5)));
        Refuses("weights", () => Kernels.RouteExperts(logits, true, experts, bad));
        Refuses("dWeights", () => Kernels.RouteExpertsBackward(logits, true, experts, weights, bad, logits));
        WeightMatrix[] w = [Kernels.CreateWeight(5, 4)];
        Tensor y = Kernels.Allocate(DType.Float32, 2, 5);
        Refuses("rowOffsets", () => Kernels.GroupedLinear(logits, Kernels.Ints([0, 1, 2]), w, y));
        Refuses("rowOffsets[1]", () => Kernels.GroupedLinear(logits, Kernels.Ints([0, 3]), w, y));
        Refuses("x", () => Kernels.GroupedLinear(bad, Kernels.Ints([0, 2]), w, y));
        Refuses("y", () => Kernels.GroupedLinear(logits, Kernels.Ints([0, 2]), w, bad));
        Tensor offsets = Kernels.Allocate(DType.Int32, 5), owners = Kernels.Allocate(DType.Int32, 4), chosen = Kernels.Ints([0, 3, 1, 2]).View(2, 2);
        Refuses("experts[1]", () => Kernels.GroupChoices(Kernels.Ints([0, 4, 1, 2]).View(2, 2), offsets, owners, experts));
        Refuses("tokens", () => Kernels.GroupChoices(chosen, offsets, offsets, experts));
        Refuses("slots", () => Kernels.GroupChoices(chosen, offsets, owners, owners));
        Refuses("slots[3]", () => Kernels.CombineChoices(Kernels.Allocate(DType.Float32, 4, 5), Kernels.Ints([0, 1, 2, 4]).View(2, 2), weights, y));
        Refuses("grouped", () => Kernels.CombineChoices(logits, chosen, weights, logits));
        Refuses("counts", () => Kernels.ExpertLoad(logits, chosen, weights, weights));
        Refuses("dProbabilities", () => Kernels.ExpertLoadBackward(logits, owners, logits));
    }

    private (int[] Ids, float[] Weights, float[] Gradient) Route(IKernels k, int tokens, int experts, int topK, float[] logits, float[] dWeights, bool normalize)
    {
        Tensor ids = k.Allocate(DType.Int32, tokens, topK), weights = Space(k, tokens, topK), dLogits = Space(k, tokens, experts);
        k.RouteExperts(Place(k, logits, tokens, experts), normalize, ids, weights);
        k.RouteExpertsBackward(Place(k, logits, tokens, experts), normalize, ids, weights, Place(k, dWeights, tokens, topK), dLogits);
        return (k.ReadInts(ids), k.Read(weights), k.Read(dLogits));
    }
}
