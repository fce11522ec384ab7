using HybridEngine.Core;
using HybridEngine.Testing;

namespace HybridEngine.Kernels.Tests;

/// <summary>Random hidden states, head, targets and upstream gradients.</summary>
internal sealed record HeadCase(int Tokens, int Width, int Vocabulary, float[] Hidden, float[] Head, float[] Bias, int[] Targets, float[] DLogProb, float[] DLogSumExp, float[] DEntropy)
{
    public HeadCase(TestRandom random, int tokens, int width, int vocabulary)
        : this(tokens, width, vocabulary, random.Normal(tokens * width), random.Normal(vocabulary * width, 2 / Math.Sqrt(width)), random.Normal(vocabulary),
            random.Integers(tokens, 0, vocabulary), random.Normal(tokens), random.Normal(tokens), random.Normal(tokens)) { }

    /// <summary>Rows [start, start + count).</summary>
    public HeadCase Slice(int start, int count) => this with
    {
        Tokens = count, Hidden = Hidden[(start * Width)..((start + count) * Width)], Targets = Targets[start..(start + count)],
        DLogProb = DLogProb[start..(start + count)], DLogSumExp = DLogSumExp[start..(start + count)], DEntropy = DEntropy[start..(start + count)],
    };

    public override string ToString() => $"[{Tokens}, {Width}] x [{Vocabulary}, {Width}]";
}
