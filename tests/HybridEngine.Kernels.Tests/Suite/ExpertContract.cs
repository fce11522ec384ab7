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
    }

    private (int[] Ids, float[] Weights, float[] Gradient) Route(IKernels k, int tokens, int experts, int topK, float[] logits, float[] dWeights, bool normalize)
    {
        Tensor ids = k.Allocate(DType.Int32, tokens, topK), weights = Space(k, tokens, topK), dLogits = Space(k, tokens, experts);
        k.RouteExperts(Place(k, logits, tokens, experts), normalize, ids, weights);
        k.RouteExpertsBackward(Place(k, logits, tokens, experts), normalize, ids, weights, Place(k, dWeights, tokens, topK), dLogits);
        return (k.ReadInts(ids), k.Read(weights), k.Read(dLogits));
    }
}
