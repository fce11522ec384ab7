using System.Globalization;
using System.Text;

namespace HybridEngine.Models;

/// <summary>Changes a stretch of text before it is split.</summary>
internal interface INormalizer
{
    AlignedText Apply(AlignedText text);
}

/// <summary>Normalizers one after the other.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<INormalizer> steps) : INormalizer
{
    public AlignedText Apply(AlignedText text) => steps.Aggregate(text, (current, step) => step.Apply(current));
}

/// <summary>NFC, NFD, NFKC or NFKD.</summary>
internal sealed class UnicodeNormalizer(bool compatible, bool compose) : INormalizer
{
    public AlignedText Apply(AlignedText text) => UnicodeNormalization.Normalize(text, compatible, compose);
}

/// <summary>Puts text before a stretch that is not empty; it is aligned to the stretch's first character.</summary>
internal sealed class PrependNormalizer(string prefix) : INormalizer
{
    private readonly int[] _prefix = CodePoints.Of(prefix);

    public AlignedText Apply(AlignedText text)
    {
        if (text.Length == 0) return text;
        var units = new Unit[_prefix.Length + text.Length];
        for (int i = 0; i < _prefix.Length; i++) units[i] = text[0] with { Code = _prefix[i] };
        text.Units.CopyTo(units.AsSpan(_prefix.Length));
        return AlignedText.FromUnits(units);
    }
}

/// <summary>Replaces each match by a fixed text, aligned to the match's last character.</summary>
internal sealed class ReplaceNormalizer(IMatcher matcher, string content) : INormalizer
{
    private readonly int[] _content = CodePoints.Of(content);

    public AlignedText Apply(AlignedText text)
    {
        var matches = new List<(int Start, int End)>();
        matcher.Find(text, 0, text.Length, matches);
        if (matches.Count == 0) return text;
        var units = new List<Unit>(text.Length);
        int at = 0;
        foreach ((int start, int end) in matches)
        {
            units.AddRange(text.Units[at..start]);
            Unit last = end > 0 ? text[end - 1] : new Unit(0, 0, 0);
            foreach (int code in _content) units.Add(last with { Code = code });
            at = end;
        }
        units.AddRange(text.Units[at..]);
        return AlignedText.FromUnits(units);
    }
}

/// <summary>Lower case, character by character: no final sigma, and U+0130 becomes i and a dot above.</summary>
internal sealed class LowercaseNormalizer : INormalizer
{
    private const int CapitalIWithDot = 0x130, DotAbove = 0x307;

    public AlignedText Apply(AlignedText text)
    {
        var units = new List<Unit>(text.Length);
        foreach (Unit unit in text.Units)
        {
            if (unit.Code == CapitalIWithDot)
            {
                units.Add(unit with { Code = 'i' });
                units.Add(unit with { Code = DotAbove });
            }
            else units.Add(unit with { Code = Rune.ToLowerInvariant(new Rune(unit.Code)).Value });
        }
        return AlignedText.FromUnits(units);
    }
}

/// <summary>Removes characters of given categories.</summary>
internal sealed class RemoveNormalizer(Func<int, bool> remove) : INormalizer
{
    /// <summary>Removes combining marks of every kind.</summary>
    public static RemoveNormalizer Accents { get; } = new(code => code >= 0x300
        && CodePoints.Category(code) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark);

    public AlignedText Apply(AlignedText text)
    {
        var units = new List<Unit>(text.Length);
        foreach (Unit unit in text.Units)
        {
            if (!remove(unit.Code)) units.Add(unit);
        }
        return units.Count == text.Length ? text : AlignedText.FromUnits(units);
    }
}

/// <summary>Removes white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : INormalizer
{
    public AlignedText Apply(AlignedText text)
    {
        int start = 0, end = text.Length;
        while (left && start < end && CodePoints.IsWhiteSpace(text[start].Code)) start++;
        while (right && end > start && CodePoints.IsWhiteSpace(text[end - 1].Code)) end--;
        return text.Slice(start, end);
    }
}
