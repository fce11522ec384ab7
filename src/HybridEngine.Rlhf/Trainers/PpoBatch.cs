using HybridEngine.Models;
using HybridEngine.Rlhf.Maths;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>The answers of one PPO step with everything that is known of their tokens, packed: sequence s owns tokens <c>Offsets[s]</c> to <c>Offsets[s + 1]</c> of every array.</summary>
public sealed class PpoBatch
{
    /// <param name="rollouts">The answers.</param>
    public PpoBatch(IReadOnlyList<Rollout> rollouts)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        Rollouts = rollouts;
        Offsets = new int[rollouts.Count + 1];
        for (int s = 0; s < rollouts.Count; s++) { Offsets[s + 1] = Offsets[s] + rollouts[s].Completion.Length; }
        OldLogProbs = [.. rollouts.SelectMany(r => r.LogProbs)];
        (ReferenceLogProbs, Values, Kl, Rewards, Advantages, Returns) = (new float[Tokens], new float[Tokens], new float[Tokens], new float[Tokens], new float[Tokens], new float[Tokens]);
        Scores = new float[rollouts.Count];
        (EndValues, EndReturns) = (new float[rollouts.Count], new float[rollouts.Count]);
        HasEndPosition = new bool[rollouts.Count];
    }

    /// <summary>The answers.</summary>
    public IReadOnlyList<Rollout> Rollouts { get; }

    /// <summary>[answers + 1].</summary>
    public int[] Offsets { get; }

    /// <summary>Completion tokens of all answers.</summary>
    public int Tokens => Offsets[^1];

    /// <summary>[tokens] recorded while sampling.</summary>
    public float[] OldLogProbs { get; }

    /// <summary>[tokens] of the frozen reference.</summary>
    public float[] ReferenceLogProbs { get; }

    /// <summary>[tokens] V[t]: the critic before token t.</summary>
    public float[] Values { get; }

    /// <summary>[answers] the critic after the last token.</summary>
    public float[] EndValues { get; }

    /// <summary>[answers] true where the score stands one position after the last token: that position has a value and a return too, and the critic learns it.</summary>
    public bool[] HasEndPosition { get; }

    /// <summary>[answers] what the critic should say after the last token, where <see cref="HasEndPosition"/>.</summary>
    public float[] EndReturns { get; }

    /// <summary>[tokens] estimates of the divergence from the reference.</summary>
    public float[] Kl { get; }

    /// <summary>[tokens].</summary>
    public float[] Rewards { get; }

    /// <summary>[tokens].</summary>
    public float[] Advantages { get; }

    /// <summary>[tokens] what the critic should say.</summary>
    public float[] Returns { get; }

    /// <summary>[answers] as the reward function gave them.</summary>
    public float[] Scores { get; }

    /// <summary>Prompt and completion of some answers, and which tokens are scored.</summary>
    internal (PackedBatch Packed, TokenSelection Selection) Pack(ReadOnlySpan<int> answers)
    {
        int[][] sequences = new int[answers.Length][];
        int[] prompts = new int[answers.Length];
        for (int i = 0; i < answers.Length; i++) { (sequences[i], prompts[i]) = (Rollouts[answers[i]].Sequence, Rollouts[answers[i]].Prompt.Ids.Length); }
        PackedBatch packed = PackedBatch.Pack(sequences);
        return (packed, TokenSelection.Completions(packed, prompts));
    }

    /// <summary>The tokens of some answers out of an array of all.</summary>
    internal float[] Gather(ReadOnlySpan<float> all, ReadOnlySpan<int> answers)
    {
        int n = 0;
        foreach (int s in answers) { n += Offsets[s + 1] - Offsets[s]; }
        float[] part = new float[n];
        n = 0;
        foreach (int s in answers)
        {
            ReadOnlySpan<float> tokens = all[Offsets[s]..Offsets[s + 1]];
            tokens.CopyTo(part.AsSpan(n));
            n += tokens.Length;
        }

        return part;
    }

    /// <summary>Fills rewards, advantages and returns from what was recorded and scored.</summary>
    /// <param name="shaped">[answers] scores after normalisation, penalty and clip.</param>
    /// <param name="klCoefficient">beta.</param>
    /// <param name="options">Estimator, gamma, lambda, whitening, position of the score.</param>
    public void Finish(float[] shaped, double klCoefficient, PpoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        KlPenalty.Estimate(options.Estimator, OldLogProbs, ReferenceLogProbs, Kl);
        if (options.ScorePosition == "after_end") { FinishAfterEnd(shaped, klCoefficient, options); }
        else
        {
            TokenRewards.Fill(Kl, klCoefficient, shaped, Offsets, default, Rewards);
            if (options.WhitenRewards) { MaskedStatistics.Whiten(Rewards, keepMean: true); }
            GeneralizedAdvantage.Compute(Rewards, Values, Offsets, options.Gamma, options.Lambda, Advantages, Returns);
        }

        if (options.WhitenAdvantages) { MaskedStatistics.Whiten(Advantages); }
    }

    // TRL's position: answers that are shorter than the limit get one position more, without KL, whose value is the critic's after the last token.
    private void FinishAfterEnd(float[] shaped, double klCoefficient, PpoOptions options)
    {
        int answers = Rollouts.Count;
        int[] offsets = new int[answers + 1];
        for (int s = 0; s < answers; s++)
        {
            HasEndPosition[s] = Length(s) < options.MaxNewTokens;
            offsets[s + 1] = offsets[s] + Length(s) + (HasEndPosition[s] ? 1 : 0);
        }

        float[] kl = new float[offsets[^1]], values = new float[kl.Length], rewards = new float[kl.Length], advantages = new float[kl.Length], returns = new float[kl.Length];
        for (int s = 0; s < answers; s++)
        {
            Kl.AsSpan(Offsets[s], Length(s)).CopyTo(kl.AsSpan(offsets[s]));
            Values.AsSpan(Offsets[s], Length(s)).CopyTo(values.AsSpan(offsets[s]));
            if (HasEndPosition[s]) { values[offsets[s + 1] - 1] = EndValues[s]; }
        }

        TokenRewards.Fill(kl, klCoefficient, shaped, offsets, default, rewards);
        if (options.WhitenRewards) { MaskedStatistics.Whiten(rewards, keepMean: true); }
        GeneralizedAdvantage.Compute(rewards, values, offsets, options.Gamma, options.Lambda, advantages, returns);
        for (int s = 0; s < answers; s++)
        {
            rewards.AsSpan(offsets[s], Length(s)).CopyTo(Rewards.AsSpan(Offsets[s]));
            advantages.AsSpan(offsets[s], Length(s)).CopyTo(Advantages.AsSpan(Offsets[s]));
            returns.AsSpan(offsets[s], Length(s)).CopyTo(Returns.AsSpan(Offsets[s]));
            if (HasEndPosition[s]) { EndReturns[s] = returns[offsets[s + 1] - 1]; }
        }
    }

    private int Length(int answer) => Offsets[answer + 1] - Offsets[answer];
}
