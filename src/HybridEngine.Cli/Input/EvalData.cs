using System.Text;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Rlhf;

namespace HybridEngine.Cli.Input;

/// <summary>A sequence to evaluate: ids, and which of them count (all but the first, unless told otherwise).</summary>
internal readonly record struct LearnedSequence(int[] Ids, bool[]? Mask)
{
    /// <summary>Whether token <paramref name="t"/> counts.</summary>
    public bool Learned(int t) => Mask is null || Mask[t];
}

/// <summary>What <c>eval</c> scores.</summary>
internal static class EvalData
{
    /// <summary>A text, tokenized once without special tokens, in windows without overlap; a last window of one token is dropped.</summary>
    public static IReadOnlyList<LearnedSequence> Windows(HybridModel model, string text, int window, int characters, string origin)
    {
        Tokenizer tokenizer = model.Tokenizer ?? throw new InvalidInputException(origin, "text for a model without a tokenizer", "a model with one");
        if (window > model.Decoder.Config.MaxPositions) { throw new InvalidInputException("--window", $"{window}", $"at most the model's {model.Decoder.Config.MaxPositions} positions"); }
        int[] ids = tokenizer.Encode(characters > 0 ? First(text, characters) : text, addSpecialTokens: false);
        List<LearnedSequence> windows = [];
        for (int i = 0; i < ids.Length; i += window)
        {
            int[] part = ids[i..Math.Min(ids.Length, i + window)];
            if (part.Length > 1) { windows.Add(new LearnedSequence(part, null)); }
        }

        return windows;
    }

    /// <summary>Completions of JSON Lines; their tokens count.</summary>
    public static IReadOnlyList<LearnedSequence> Completions(HybridModel model, string path)
    {
        ExampleTokenizer tokenizer = new(model.Tokenizer, model.Decoder.Config, "auto", 0);
        return [.. InputLines.Read(path).Select(line => tokenizer.Sequence(Example.Parse(line))).OfType<TrainingSequence>().Select(s => new LearnedSequence(s.Ids, s.Learned))];
    }

    // Code points, not UTF-16 units: a character beyond the basic plane counts once.
    private static string First(string text, int codePoints)
    {
        int end = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (codePoints-- == 0) { break; }
            end += rune.Utf16SequenceLength;
        }

        return text[..end];
    }
}
