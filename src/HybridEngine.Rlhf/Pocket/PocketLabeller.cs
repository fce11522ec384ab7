namespace HybridEngine.Rlhf;

/// <summary>The sloppy labellers who wrote the demonstrations, and the careful reader who compares answers.</summary>
public static class PocketLabeller
{
    /// <summary>Share of demonstrations that are right, whatever their tone.</summary>
    public const double ShareRight = 0.60;

    /// <summary>The best quality: exactly the right answer and a full stop.</summary>
    public const int BestQuality = 4;

    /// <summary>A demonstration: wrong in 40 % and chatty or rude in 30 % of the cases.</summary>
    public static string Demonstrate(ref SplitMix64 random, PocketTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        double tone = random.Unit();
        string answer = random.Unit() < ShareRight ? task.Right : task.Wrong;
        if (tone < 0.70) { return answer + "."; }
        if (tone < 0.85) { return $"Hmm, maybe {answer}?"; }
        return random.Below(2) != 0 ? "Do it yourself!" : "Who cares?";
    }

    /// <summary>4 exactly right; 3 right but chatty; 2 a plain wrong word; 1 a chatty wrong word; 0 the rest.</summary>
    public static int Quality(PocketTask task, string answer)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(answer);
        if (answer == task.Right + ".") { return BestQuality; }
        if (answer == $"Hmm, maybe {task.Right}?") { return 3; }
        if (answer.EndsWith('.') && IsWord(answer[..^1])) { return 2; }
        const string chatty = "Hmm, maybe ";
        return answer.StartsWith(chatty, StringComparison.Ordinal) && answer.EndsWith('?') && IsWord(answer[chatty.Length..^1]) ? 1 : 0;
    }

    /// <summary>True for the answer a careful reader wants.</summary>
    public static bool IsExact(PocketTask task, string answer) => Quality(task, answer) == BestQuality;

    private static bool IsWord(string text) => text.Length > 0 && text.All(char.IsAsciiLetterOrDigit);
}
