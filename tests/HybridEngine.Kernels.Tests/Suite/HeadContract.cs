using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>IHeadKernels: values and gradients.</summary>
public abstract class HeadContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    private const double Bound = 2e-6;

    // Vocabularies around tiles of 512.
    private HeadCase[] Cases() =>
    [
        new(Random, 0, 8, 20), new(Random, 1, 1, 1), new(Random, 3, 15, 17), new(Random, 5, 33, 511), new(Random, 2, 16, 512), new(Random, 7, 65, 513), new(Random, 3, 270, 1030),
    ];

    /// <summary>Of log-probabilities, log-sum-exps and entropies. A peaked row's entropy is a small difference of numbers of the size of its log-sum-exp.</summary>
    internal static double[] Bounds(float[][] expected, int output) =>
        [.. expected[output].Select((v, t) => 1e-5 + 2 * Bound * (Math.Abs((double)v) + (output == 2 ? Math.Abs((double)expected[1][t]) : 0)))];

    private static HeadOptions[] Options() => [new(), new(0.7f), new(1.3f, 5), new(1, 3)];

    [SkippableTheory, InlineData(false), InlineData(true)]
    public void LogProbs_EveryOption_AgreesWithReference(bool bias)
    {
        foreach (HeadCase c in Cases())
        {
            foreach (HeadOptions options in Options())
            {
                float[][] expected = Forward(Oracle, c, options, bias, true), actual = Forward(Kernels, c, options, bias, true);
                for (int i = 0; i < 3; i++) { Compare.Within(expected[i], actual[i], Bounds(expected, i), $"output {i} of {c}, {options}, {Random}"); }
                float[][] withoutEntropy = Forward(Kernels, c, options, bias, false);
                for (int i = 0; i < 2; i++) { Compare.SameBits(actual[i], withoutEntropy[i], $"output {i} without entropy"); }
            }
        }
    }

    [SkippableTheory]
    [InlineData(true, false, false), InlineData(false, true, false), InlineData(false, false, true), InlineData(true, true, true), InlineData(false, false, false)]
    public void LogProbsBackward_EveryUpstream_AgreesWithReference(bool logProb, bool logSumExp, bool entropy)
    {
        foreach (HeadCase c in Cases())
        {
            foreach (HeadOptions options in Options())
            {
                bool weights = options.SoftCap > 0 || options.Temperature == 1;
                float[][] forward = Forward(Oracle, c, options, weights, true);
                float[][] expected = Backward(Oracle, c, options, weights, forward, logProb, logSumExp, entropy), actual = Backward(Kernels, c, options, weights, forward, logProb, logSumExp, entropy);
                // In a vocabulary of one everything cancels.
                for (int i = 0; i < 3; i++) { Compare.CloseToLargest(expected[i], actual[i], 10 * Bound, $"gradient {i} of {c}, {options}, {Random}", least: 1); }
            }
        }
    }

    [SkippableFact]
    public void LogProbsBackward_AgainstFiniteDifferences_Agrees()
    {
        HeadCase c = new(Random, 3, 5, 11);
        foreach (HeadOptions options in Options())
        {
            float[] upstream = [.. c.DLogProb, .. c.DLogSumExp, .. c.DEntropy];
            float[] Outputs() => [.. Forward(Oracle, c, options, true, true).SelectMany(v => v)];
            float[][] gradients = Backward(Kernels, c, options, true, Forward(Oracle, c, options, true, true), true, true, true, zero: true);
            FiniteDifferences.Check(c.Hidden, Outputs, upstream, gradients[0], $"dHidden, {options}, {Random}");
            FiniteDifferences.Check(c.Head, Outputs, upstream, gradients[1], $"dHead, {options}, {Random}");
            FiniteDifferences.Check(c.Bias, Outputs, upstream, gradients[2], $"dBias, {options}, {Random}");
        }
    }

    [SkippableFact]
    public void LogProbs_EqualLogits_AreUniform()
    {
        const int Vocabulary = 700;
        HeadCase c = new HeadCase(Random, 2, 4, Vocabulary) with { Head = new float[4 * Vocabulary] };
        float[][] values = Forward(Kernels, c, new HeadOptions(), false, true);
        float log = MathF.Log(Vocabulary);
        Compare.Close([-log, -log], values[0], 1e-6, 1e-6);
        Compare.Close([log, log], values[1], 1e-6, 1e-6);
        Compare.Close([log, log], values[2], 1e-6, 1e-6);
    }

    [SkippableFact]
    public void LogProbs_NegativeTarget_IsZeroAndPassesNoGradient()
    {
        HeadCase c = new HeadCase(Random, 3, 9, 40) with { Targets = [5, -1, -100] };
        float[][] forward = Forward(Kernels, c, new HeadOptions(), true, true);
        Assert.Equal([0, 0], forward[0][1..]);
        float[][] gradients = Backward(Kernels, c, new HeadOptions(), true, forward, true, false, false, zero: true);
        Assert.All(gradients[0][c.Width..], v => Assert.Equal(0, v));
        float[][] alone = Backward(Kernels, c.Slice(0, 1), new HeadOptions(), true, [.. forward.Select(v => v[..1])], true, false, false, zero: true);
        Compare.CloseToLargest(alone[1], gradients[1], Bound, "dHead comes from row 0 alone");
    }

    [SkippableFact]
    public void LogProbs_HugeLogits_DoNotOverflow()
    {
        HeadCase c = new(Random, 5, 16, 1000);
        for (int i = 0; i < c.Hidden.Length; i++) { c.Hidden[i] *= 1000; }
        float[][] expected = Forward(Oracle, c, new HeadOptions(), true, true), actual = Forward(Kernels, c, new HeadOptions(), true, true);
        for (int i = 0; i < 2; i++) { Compare.Close(expected[i], actual[i], 5e-3, 1e-5, $"output {i}, {Random}"); }
    }

    [SkippableFact]
    public void LogProbs_NotFiniteRow_SpoilsThatRowOnly()
    {
        HeadCase c = new(Random, 4, 17, 600);
        c.Hidden[2 * c.Width + 16] = float.NaN;
        foreach (float[] values in Forward(Kernels, c, new HeadOptions(), false, true))
        {
            for (int t = 0; t < c.Tokens; t++) { Assert.True(float.IsNaN(values[t]) == (t == 2), $"row {t} is {values[t]}, {Random}"); }
        }
    }

    [SkippableTheory, InlineData(0f), InlineData(3f)]
    public void Logits_FreshInputs_AgreesWithReference(float softCap)
    {
        foreach (HeadCase c in Cases())
        {
            float[] Run(IKernels k)
            {
                Tensor y = Space(k, c.Tokens, c.Vocabulary);
                k.Logits(Place(k, c.Hidden, c.Tokens, c.Width), k.Weight(c.Head, c.Vocabulary, c.Width), k.Floats(c.Bias), softCap, y);
                return k.Read(y);
            }

            Compare.Close(Run(Oracle), Run(Kernels), 4 * Bound, Bound, $"{c}, {Random}");
        }
    }

    [SkippableFact]
    public void EveryCall_WrongArgument_IsRefusedByName()
    {
        Tensor hidden = Kernels.Allocate(DType.Float32, 2, 4), two = Kernels.Allocate(DType.Float32, 2), targets = Kernels.Ints([0, 5]), bad = Kernels.Allocate(DType.Float32, 3);
        WeightMatrix head = Kernels.CreateWeight(6, 4);
        HeadOptions options = new();
        Refuses("hidden", () => Kernels.LogProbs(Kernels.Allocate(DType.Float32, 2, 3), head, default, targets, options, two, two, default));
        Refuses("targets[1]", () => Kernels.LogProbs(hidden, head, default, Kernels.Ints([0, 6]), options, two, two, default));
        Refuses("options.Temperature", () => Kernels.LogProbs(hidden, head, default, targets, options with { Temperature = 0 }, two, two, default));
        Refuses("options.Temperature", () => Kernels.LogProbs(hidden, head, default, targets, options with { Temperature = float.NaN }, two, two, default));
        Refuses("bias", () => Kernels.LogProbs(hidden, head, bad, targets, options, two, two, default));
        Refuses("logProb", () => Kernels.LogProbs(hidden, head, default, targets, options, bad, two, default));
        Refuses("entropy", () => Kernels.LogProbsBackward(hidden, head, default, targets, options, two, default, default, default, two, Kernels.Allocate(DType.Float32, 2, 4), null, default));
        Refuses("dHead", () => Kernels.LogProbsBackward(hidden, head, default, targets, options, two, default, two, default, default, Kernels.Allocate(DType.Float32, 2, 4), Kernels.CreateWeight(5, 4), default));
        Refuses("y", () => Kernels.Logits(hidden, head, default, 0, Kernels.Allocate(DType.Float32, 2, 5)));
    }

    // logProb, logSumExp, entropy
    private float[][] Forward(IKernels k, HeadCase c, HeadOptions options, bool bias, bool entropy)
    {
        Tensor logProb = k.Allocate(DType.Float32, c.Tokens), lse = k.Allocate(DType.Float32, c.Tokens), ent = entropy ? k.Allocate(DType.Float32, c.Tokens) : default;
        k.LogProbs(Place(k, c.Hidden, c.Tokens, c.Width), k.Weight(c.Head, c.Vocabulary, c.Width), bias ? k.Floats(c.Bias) : default, k.Ints(c.Targets), options, logProb, lse, ent);
        return [k.Read(logProb), k.Read(lse), entropy ? k.Read(ent) : []];
    }

    // dHidden, dHead, dBias; weight gradients start from the weights themselves, or from zero.
    private float[][] Backward(IKernels k, HeadCase c, HeadOptions options, bool weights, float[][] forward, bool logProb, bool logSumExp, bool entropy, bool zero = false)
    {
        Tensor dHidden = Space(k, c.Tokens, c.Width), dBias = k.Floats(zero ? new float[c.Vocabulary] : c.Bias);
        WeightMatrix head = k.Weight(c.Head, c.Vocabulary, c.Width), dHead = zero ? k.CreateWeight(c.Vocabulary, c.Width) : k.Weight(c.Head, c.Vocabulary, c.Width);
        k.LogProbsBackward(Place(k, c.Hidden, c.Tokens, c.Width), head, weights ? k.Floats(c.Bias) : default, k.Ints(c.Targets), options, k.Floats(forward[1]), entropy ? k.Floats(forward[2]) : default,
            logProb ? k.Floats(c.DLogProb) : default, logSumExp ? k.Floats(c.DLogSumExp) : default, entropy ? k.Floats(c.DEntropy) : default,
            dHidden, weights ? dHead : null, weights ? dBias : default);
        return [k.Read(dHidden), k.ReadWeight(dHead), k.Read(dBias)];
    }
}
