using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>Compares completions bit for bit.</summary>
internal static class Answers
{
    /// <param name="expected">The whole answer.</param>
    /// <param name="actual">The same, or its beginning when it was cancelled.</param>
    /// <param name="whole">It must be the whole answer.</param>
    /// <param name="where">For the message.</param>
    public static void Same(GenerationResult expected, GenerationResult actual, bool whole, string where)
    {
        int n = actual.TokenIds.Length;
        Assert.True(whole ? n == expected.TokenIds.Length : n <= expected.TokenIds.Length, $"{where}: {n} tokens, expected {expected.TokenIds.Length}");
        Assert.True(expected.TokenIds.AsSpan(0, n).SequenceEqual(actual.TokenIds), $"{where}: ids differ");
        Assert.True(Bits(expected.LogProbs.AsSpan(0, n)).SequenceEqual(Bits(actual.LogProbs)), $"{where}: log-probabilities differ");
        Assert.True(Bits(expected.SampledLogProbs.AsSpan(0, n)).SequenceEqual(Bits(actual.SampledLogProbs)), $"{where}: sampled log-probabilities differ");
        Assert.Equal(Math.Min(n, expected.TopLogProbs.Length), actual.TopLogProbs.Length);
        for (int i = 0; i < actual.TopLogProbs.Length; i++) { Assert.Equal(expected.TopLogProbs[i], actual.TopLogProbs[i]); }
        if (whole) { Assert.Equal(expected.FinishReason, actual.FinishReason); }
    }

    private static ReadOnlySpan<int> Bits(ReadOnlySpan<float> values) => System.Runtime.InteropServices.MemoryMarshal.Cast<float, int>(values);
}
