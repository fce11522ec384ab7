using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>Which tokens of a packed batch are scored: the head runs over these rows only.</summary>
public sealed class TokenSelection
{
    /// <param name="rows">Indices into the packed tokens whose hidden state predicts.</param>
    /// <param name="targets">The predicted token of each row.</param>
    public TokenSelection(int[] rows, int[] targets)
    {
        if (rows.Length != targets.Length) { throw new ArgumentException($"{targets.Length} targets for {rows.Length} rows.", nameof(targets)); }
        (Rows, Targets) = (rows, targets);
    }

    /// <summary>Indices into the packed tokens whose hidden state predicts.</summary>
    public int[] Rows { get; }

    /// <summary>The predicted token of each row.</summary>
    public int[] Targets { get; }

    /// <summary>Number of scored tokens.</summary>
    public int Count => Rows.Length;

    /// <summary>Every token but each sequence's first, predicted by the one before it.</summary>
    public static TokenSelection NextTokens(PackedBatch batch) => Completions(batch, new int[batch.Sequences]);

    /// <summary>The tokens behind each sequence's prompt (at least its second token), predicted by the ones before them.</summary>
    /// <param name="batch">Sequences of prompt and completion.</param>
    /// <param name="promptLengths">[sequences] tokens that are given.</param>
    public static TokenSelection Completions(PackedBatch batch, ReadOnlySpan<int> promptLengths)
    {
        List<int> rows = [];
        List<int> targets = [];
        for (int s = 0; s < batch.Sequences; s++)
        {
            for (int t = batch.Offsets[s] + Math.Max(1, promptLengths[s]); t < batch.Offsets[s + 1]; t++)
            {
                rows.Add(t - 1);
                targets.Add(batch.Ids[t]);
            }
        }

        return new TokenSelection([.. rows], [.. targets]);
    }

    /// <summary>The tokens whose mask is true (a sequence's first cannot be), predicted by the ones before them.</summary>
    /// <param name="batch">The sequences.</param>
    /// <param name="mask">[tokens].</param>
    public static TokenSelection Masked(PackedBatch batch, ReadOnlySpan<bool> mask)
    {
        List<int> rows = [];
        List<int> targets = [];
        for (int t = 0; t < batch.Tokens; t++)
        {
            if (!mask[t] || batch.Positions[t] == 0) { continue; }
            rows.Add(t - 1);
            targets.Add(batch.Ids[t]);
        }

        return new TokenSelection([.. rows], [.. targets]);
    }

    internal void Validate(PackedBatch batch, DecoderConfig config)
    {
        for (int i = 0; i < Rows.Length; i++)
        {
            if ((uint)Rows[i] >= (uint)batch.Tokens) { throw new ArgumentException($"Row {Rows[i]} is outside the batch of {batch.Tokens} tokens."); }
        }

        config.RequireIds(Targets, "targets");
    }
}

/// <summary>What the head says about selected tokens, each [selected].</summary>
/// <param name="LogProbs">Natural log of the probability at the given temperature.</param>
/// <param name="LogSumExps">Log-sum-exp of the logits over the temperature.</param>
/// <param name="Entropies">Nats; empty unless asked for.</param>
public sealed record TokenScores(float[] LogProbs, float[] LogSumExps, float[] Entropies);
