namespace HybridEngine.Rlhf;

/// <summary>One tokenised sequence and which of its tokens are learned.</summary>
/// <param name="Ids">All tokens.</param>
/// <param name="Learned">[Ids.Length]: token t is predicted from those before it and counts in the loss. The first token never does.</param>
public sealed record TrainingSequence(int[] Ids, bool[] Learned)
{
    /// <summary>Number of learned tokens.</summary>
    public int LearnedTokens { get; } = Learned.AsSpan(1 <= Learned.Length ? 1 : 0).Count(true);

    /// <summary>A prompt of <paramref name="promptLength"/> tokens (at least the first token counts as given), then learned tokens.</summary>
    public static TrainingSequence FromPrompt(int[] ids, int promptLength)
    {
        ArgumentNullException.ThrowIfNull(ids);
        bool[] learned = new bool[ids.Length];
        learned.AsSpan(Math.Min(ids.Length, Math.Max(promptLength, 1))).Fill(true);
        return new TrainingSequence(ids, learned);
    }

    /// <summary>The first <paramref name="length"/> tokens.</summary>
    public TrainingSequence Truncate(int length) => Ids.Length <= length ? this : new TrainingSequence(Ids[..length], Learned[..length]);
}

/// <summary>Answers to one prompt and which of them are better than which: a pair, or every pair of a ranking (Ouyang et al. 2022, section 3.5).</summary>
/// <param name="Answers">Whole sequences, prompt included; each is run once however many pairs it is in.</param>
/// <param name="Pairs">Indices into <paramref name="Answers"/>, better first.</param>
public sealed record Comparison(IReadOnlyList<int[]> Answers, IReadOnlyList<RankedPair> Pairs);

/// <summary>One comparison.</summary>
/// <param name="Chosen">Index of the better answer.</param>
/// <param name="Rejected">Index of the worse answer.</param>
/// <param name="Margin">How much better.</param>
public readonly record struct RankedPair(int Chosen, int Rejected, float Margin = 0);

/// <summary>A prompt to answer in a rollout.</summary>
/// <param name="Ids">Its tokens.</param>
/// <param name="Tag">What the reward function may look at: an <see cref="Example"/>, a <see cref="PocketTask"/>.</param>
public sealed record RolloutPrompt(int[] Ids, object? Tag);

/// <summary>An endless stream of training items that can be put back to where it was: the position is all that a checkpoint needs.</summary>
/// <typeparam name="T">What it yields.</typeparam>
public interface IDataStream<out T>
{
    /// <summary>Items drawn so far; set it to continue from there.</summary>
    long Position { get; set; }

    /// <summary>Items of one pass over the data, or 0 for streams that make them.</summary>
    int ItemsPerEpoch { get; }

    /// <summary>The next item.</summary>
    T Next();
}
