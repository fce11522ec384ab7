using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>Judges answers: a reward model, a rule, or code of the user.</summary>
public interface IRewardFunction
{
    /// <summary>One score an answer, higher is better.</summary>
    /// <param name="rollouts">The answers of one step.</param>
    float[] Score(IReadOnlyList<Rollout> rollouts);
}

/// <summary>A function of one answer.</summary>
/// <param name="score">Higher is better.</param>
public sealed class DelegateReward(Func<Rollout, double> score) : IRewardFunction
{
    /// <inheritdoc />
    public float[] Score(IReadOnlyList<Rollout> rollouts)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        return [.. rollouts.Select(r => (float)score(r))];
    }
}

/// <summary>A reward model: the head's value at the answer's last token.</summary>
/// <param name="model">Body and head; only read.</param>
/// <param name="microBatchTokens">Tokens in one forward, at most; 0 is no limit.</param>
public sealed class ModelReward(TrainableScalarModel model, int microBatchTokens = 4096) : IRewardFunction
{
    /// <inheritdoc />
    public float[] Score(IReadOnlyList<Rollout> rollouts)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        float[] scores = new float[rollouts.Count];
        foreach ((int a, int b) in MicroBatches.Cut([.. rollouts.Select(r => r.Sequence.Length)], microBatchTokens))
        {
            PackedBatch packed = PackedBatch.Pack([.. rollouts.Skip(a).Take(b - a).Select(r => r.Sequence)]);
            int[] last = [.. packed.Offsets.Skip(1).Select(o => o - 1)];
            model.Values(packed, last).CopyTo(scores, a);
        }

        return scores;
    }
}

/// <summary>Rules that need no model, by name. The reference is the data line's <c>reference_answer</c>, <c>answer</c>, <c>completion</c> or <c>output</c>.</summary>
public static class BuiltInRewards
{
    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = ["exact_match", "contains", "ends_with_eos"];

    /// <summary>The rule of this name.</summary>
    /// <exception cref="UnsupportedException">There is none.</exception>
    public static IRewardFunction Create(string name) => name switch
    {
        "exact_match" => new DelegateReward(r => r.Text.Trim() == Reference(r).Trim() ? 1 : 0),
        "contains" => new DelegateReward(r => r.Text.Contains(Reference(r).Trim(), StringComparison.OrdinalIgnoreCase) ? 1 : 0),
        "ends_with_eos" => new DelegateReward(r => r.Terminated ? 1 : 0),
        _ => throw new UnsupportedException("reward", $"\"{name}\"", string.Join(", ", Names)),
    };

    private static string Reference(Rollout rollout)
    {
        Example example = rollout.Prompt.Tag as Example ?? throw new InvalidInputException("reward", "a prompt without a data line", "prompts from data files");
        foreach (string key in (ReadOnlySpan<string>)["reference_answer", "answer", "completion", "output"])
        {
            if (example.Line.TryText(key) is { } text) { return text; }
        }

        throw new InvalidInputException(example.Origin, $"keys {example.Line.Keys()}", "a reference_answer, answer, completion or output to compare with");
    }
}
