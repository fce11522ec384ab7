namespace HybridEngine.Models;

/// <summary>When a word mark is put before a text that has none.</summary>
internal enum PrependScheme
{
    /// <summary>Before every stretch between added tokens.</summary>
    Always,

    /// <summary>Only at the start of the whole text.</summary>
    First,

    /// <summary>Never.</summary>
    Never,
}

/// <summary>Writes spaces as a word mark (U+2581), SentencePiece's way, and may split before each.</summary>
internal sealed class MetaspacePreTokenizer(int mark, PrependScheme scheme, bool split) : IPreTokenizer
{
    private readonly SplitPreTokenizer _split = new(new CharacterMatcher(code => code == mark), SplitBehavior.MergedWithNext);

    public PreTokenized Apply(PreTokenized input)
    {
        PreTokenized marked = input.Rewrite(Mark);
        return split ? _split.Apply(marked) : marked;
    }

    private void Mark(AlignedText text, int start, int end, List<Unit> units)
    {
        Unit first = text[start];
        bool wanted = scheme == PrependScheme.Always || (scheme == PrependScheme.First && first.Start == 0);
        if (wanted && first.Code != mark && first.Code != ' ') units.Add(first with { Code = mark });
        for (int i = start; i < end; i++) units.Add(text[i].Code == ' ' ? text[i] with { Code = mark } : text[i]);
    }
}
