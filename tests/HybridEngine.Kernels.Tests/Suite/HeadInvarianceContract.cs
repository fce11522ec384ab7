using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>The promise that training and sampling agree: a log-probability's bits do not depend on the batch, the threads, or whether logits were stored.</summary>
public abstract class HeadInvarianceContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    private HeadCase NewCase() => new(Random, 19, 40, 1100);

    [SkippableTheory, InlineData(1f), InlineData(0.6f)]
    public void LogProbs_AloneOrInAnyBatch_SameBits(float temperature)
    {
        HeadCase c = NewCase();
        float[][] whole = Run(Kernels, c, temperature);
        foreach (int size in new[] { 1, 2, 7, 16 })
        {
            for (int start = 0; start < c.Tokens; start += size)
            {
                int count = Math.Min(size, c.Tokens - start);
                float[][] part = Run(Kernels, c.Slice(start, count), temperature);
                // The last two outputs are sums over the batch.
                for (int i = 0; i < 4; i++)
                {
                    int width = whole[i].Length / c.Tokens;
                    Compare.SameBits(whole[i].AsSpan(start * width, count * width), part[i], $"output {i}, rows {start} to {start + count}, {Random}");
                }
            }
        }
    }

    [SkippableFact]
    public void LogProbs_AnyNumberOfThreads_SameBits()
    {
        HeadCase c = NewCase();
        float[][] expected = Run(Open(1), c, 0.9f);
        foreach (int threads in new[] { 2, 3 })
        {
            float[][] actual = Run(Open(threads), c, 0.9f);
            for (int i = 0; i < expected.Length; i++) { Compare.SameBits(expected[i], actual[i], $"output {i}, {threads} threads, {Random}"); }
        }
    }

    [SkippableTheory, InlineData(1f, 0f, false), InlineData(0.6f, 0f, true), InlineData(1.7f, 4f, true)]
    public void Sample_AndLogProbsFromLogits_GiveTheBitsOfLogProbs(float temperature, float softCap, bool bias)
    {
        HeadCase c = NewCase();
        WeightMatrix head = Kernels.Weight(c.Head, c.Vocabulary, c.Width);
        Tensor hidden = Place(Kernels, c.Hidden, c.Tokens, c.Width), biases = bias ? Kernels.Floats(c.Bias) : default, logits = Space(Kernels, c.Tokens, c.Vocabulary);
        Kernels.Logits(hidden, head, biases, softCap, logits);

        SamplingCase sampling = SamplingCase.Plain(c.Tokens).With(r => r with { Temperature = temperature });
        Tensor ids = Kernels.Allocate(DType.Int32, c.Tokens), sampled = Kernels.Allocate(DType.Float32, c.Tokens), stored = Kernels.Allocate(DType.Float32, c.Tokens);
        Kernels.Sample(logits, sampling.Tensors(Kernels), ids, sampled, default);
        Kernels.LogProbsFromLogits(logits, Kernels.Floats([.. Enumerable.Repeat(temperature, c.Tokens)]), ids, stored);

        Tensor trained = Kernels.Allocate(DType.Float32, c.Tokens), lse = Kernels.Allocate(DType.Float32, c.Tokens);
        Kernels.LogProbs(hidden, head, biases, ids, new HeadOptions(temperature, softCap), trained, lse, default);
        Compare.SameBits(Kernels.Read(trained), Kernels.Read(sampled), $"sampled, {Random}");
        Compare.SameBits(Kernels.Read(trained), Kernels.Read(stored), $"from logits, {Random}");
    }

    // logProb, logSumExp, entropy, dHidden, dHead, dBias
    private float[][] Run(IKernels k, HeadCase c, float temperature)
    {
        HeadOptions options = new(temperature);
        Tensor hidden = Place(k, c.Hidden, c.Tokens, c.Width), bias = k.Floats(c.Bias), targets = k.Ints(c.Targets);
        Tensor logProb = k.Allocate(DType.Float32, c.Tokens), lse = k.Allocate(DType.Float32, c.Tokens), entropy = k.Allocate(DType.Float32, c.Tokens);
        Tensor dHidden = Space(k, c.Tokens, c.Width), dBias = k.Allocate(DType.Float32, c.Vocabulary);
        WeightMatrix head = k.Weight(c.Head, c.Vocabulary, c.Width), dHead = k.CreateWeight(c.Vocabulary, c.Width);
        k.LogProbs(hidden, head, bias, targets, options, logProb, lse, entropy);
        k.LogProbsBackward(hidden, head, bias, targets, options, lse, entropy, k.Floats(c.DLogProb), k.Floats(c.DLogSumExp), k.Floats(c.DEntropy), dHidden, dHead, dBias);
        return [k.Read(logProb), k.Read(lse), k.Read(entropy), k.Read(dHidden), k.ReadWeight(dHead), k.Read(dBias)];
    }
}
