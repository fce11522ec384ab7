using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary>Cuts one data set into disjoint parts for the three steps, as DeepSpeed-Chat does (its default is 2,4,4).</summary>
public static class DataSplit
{
    /// <summary>The parts of a text such as <c>2,4,4</c>.</summary>
    /// <exception cref="InvalidInputException">Not positive numbers with commas.</exception>
    public static double[] Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] words = text.Split(',', StringSplitOptions.TrimEntries);
        double[] parts = new double[words.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!double.TryParse(words[i], System.Globalization.CultureInfo.InvariantCulture, out parts[i]) || !(parts[i] >= 0) || double.IsInfinity(parts[i]))
            {
                throw new InvalidInputException("split", $"\"{text}\"", "numbers with commas, such as 2,4,4");
            }
        }

        return parts.Sum() > 0 ? parts : throw new InvalidInputException("split", $"\"{text}\"", "at least one part above 0");
    }

    /// <summary>Indices of part <paramref name="part"/>, ascending: a seeded shuffle of all items, cut in proportion.</summary>
    /// <param name="count">Items.</param>
    /// <param name="parts">Relative sizes.</param>
    /// <param name="part">Which, from 0.</param>
    /// <param name="seed">The same seed gives the same cut; parts never overlap and together hold every item.</param>
    public static int[] Indices(int count, ReadOnlySpan<double> parts, int part, ulong seed)
    {
        if ((uint)part >= (uint)parts.Length) { throw new InvalidInputException("split_index", $"{part}", $"0 to {parts.Length - 1}, the parts of split"); }
        double total = 0, before = 0;
        for (int i = 0; i < parts.Length; i++)
        {
            total += parts[i];
            before += i < part ? parts[i] : 0;
        }

        int[] order = [.. Enumerable.Range(0, count)];
        SplitMix64 random = new(seed ^ 0x59117);
        random.Shuffle(order.AsSpan());
        int start = (int)Math.Round(count * before / total), end = (int)Math.Round(count * (before + parts[part]) / total);
        int[] chosen = order[start..end];
        Array.Sort(chosen);
        return chosen;
    }
}
