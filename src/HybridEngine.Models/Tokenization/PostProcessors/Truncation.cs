using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Which of two texts a truncation shortens.</summary>
internal enum TruncationStrategy
{
    /// <summary>Both, the longer one first.</summary>
    LongestFirst,

    /// <summary>The first.</summary>
    OnlyFirst,

    /// <summary>The second.</summary>
    OnlySecond,
}

/// <summary>The <c>truncation</c> section: results have at most so many tokens, what is cut off follows in parts that overlap.</summary>
/// <remarks>Source: <c>utils/truncation</c> and <c>Encoding::truncate</c> of the tokenizers library.</remarks>
/// <param name="MaxLength">Most tokens of a result, special tokens included.</param>
/// <param name="Stride">How many tokens a part repeats of the part before it.</param>
/// <param name="Strategy">Which text is shortened.</param>
/// <param name="FromLeft">Whether the beginning is cut off, not the end.</param>
/// <param name="File">What messages call the tokenizer.</param>
internal sealed record Truncation(int MaxLength, int Stride, TruncationStrategy Strategy, bool FromLeft, string File)
{
    /// <summary>The texts as they fit, first, and then every part that was cut off, with all of the other text's.</summary>
    /// <param name="texts">One text or two.</param>
    /// <param name="added">How many special tokens the result gets.</param>
    public IEnumerable<List<List<Token>>> Apply(List<List<Token>> texts, int added)
    {
        int room = Math.Max(0, MaxLength - added), total = texts.Sum(tokens => tokens.Count);
        if (total <= room) return [texts];
        int[] lengths = room == 0 ? new int[texts.Count] : Lengths(texts, room, total - room);
        List<List<Token>>[] parts = [.. texts.Zip(lengths, Divide)];
        return parts.Length == 1 ? parts[0].Select(part => new List<List<Token>> { part }) : Pairs(parts[0], parts[1]);
    }

    private static IEnumerable<List<List<Token>>> Pairs(List<List<Token>> first, List<List<Token>> second)
    {
        yield return [first[0], second[0]];
        foreach (List<Token> part in first.Skip(1))
        {
            foreach (List<Token> other in second) yield return [part, other];
        }
        foreach (List<Token> other in second.Skip(1)) yield return [first[0], other];
    }

    private int[] Lengths(List<List<Token>> texts, int room, int excess)
    {
        if (Strategy == TruncationStrategy.LongestFirst) return texts.Count == 1 ? [room] : Share(texts[0].Count, texts[1].Count, room);
        int target = Strategy == TruncationStrategy.OnlyFirst ? 0 : 1;
        if (target >= texts.Count) throw new InvalidInputException(File, "truncation of the second text where there is one", "two texts");
        if (texts[target].Count <= excess) throw new InvalidInputException(File, $"a text of {texts[target].Count} tokens that truncation must shorten by {excess}", "a longer one");
        int[] lengths = [.. texts.Select(tokens => tokens.Count)];
        lengths[target] -= excess;
        return lengths;
    }

    /// <summary>The shorter of two texts keeps its length as long as the other keeps at least as much.</summary>
    private static int[] Share(int first, int second, int room)
    {
        bool swapped = first > second;
        int shorter = Math.Min(first, second), longer = shorter > room ? shorter : Math.Max(shorter, room - shorter);
        if (shorter + longer > room) (shorter, longer) = (room / 2, room / 2 + room % 2);
        return swapped ? [longer, shorter] : [shorter, longer];
    }

    private List<List<Token>> Divide(List<Token> tokens, int length)
    {
        if (length >= tokens.Count) return [tokens];
        if (length == 0) return [[], tokens];
        int step = length - Stride;
        if (step <= 0) throw new InvalidInputException(File, $"a truncation stride of {Stride}", $"less than the {length} tokens that a part has room for");
        // Overlapping parts of a long text may be much larger than the text.
        if ((long)tokens.Count / step * length > MostTokens) throw new InvalidInputException(File, $"truncation of {tokens.Count} tokens into parts of {length} with stride {Stride}", $"at most {MostTokens} tokens in all parts");
        var parts = new List<List<Token>>();
        if (FromLeft)
        {
            for (int stop = tokens.Count; stop > 0; stop -= step)
            {
                int start = Math.Max(0, stop - length);
                parts.Add(tokens.GetRange(start, stop - start));
                if (start == 0) break;
            }
        }
        else
        {
            for (int start = 0; start < tokens.Count; start += step)
            {
                int stop = Math.Min(start + length, tokens.Count);
                parts.Add(tokens.GetRange(start, stop - start));
                if (stop == tokens.Count) break;
            }
        }
        return parts;
    }

    private const int MostTokens = 1 << 24;

    public static Truncation? Read(JsonSection section) => section.IsNull ? null : new Truncation(
        AtLeast(section, "max_length", 0, 512),
        AtLeast(section, "stride", 0, 0),
        (section.StringOrNull("strategy") ?? "LongestFirst") switch
        {
            "LongestFirst" => TruncationStrategy.LongestFirst,
            "OnlyFirst" => TruncationStrategy.OnlyFirst,
            "OnlySecond" => TruncationStrategy.OnlySecond,
            _ => throw section["strategy"].Wrong("LongestFirst, OnlyFirst or OnlySecond"),
        },
        Padding.IsLeft(section),
        section.File);

    internal static int AtLeast(JsonSection section, string name, int least, int otherwise)
    {
        int value = section.Number(name, otherwise);
        return value >= least ? value : throw section[name].Wrong($"a number from {least}");
    }
}
