using System.Globalization;
using System.Text;

namespace HybridEngine.Models;

/// <summary>A set of code points. Membership is computed once for every page of 1,024 and then read.</summary>
internal sealed class CharacterSet
{
    private const int PageBits = 10, PageSize = 1 << PageBits, WordsPerPage = PageSize / 64;

    private readonly Func<int, bool> _contains;
    private readonly int _single = -1;
    private ulong[]?[]? _pages;

    public CharacterSet(Func<int, bool> contains) => _contains = contains;

    private CharacterSet(int single) : this(code => code == single) => _single = single;

    public static CharacterSet Of(int code) => new(code);

    public static CharacterSet Range(int first, int last) => new(code => code >= first && code <= last);

    public static CharacterSet Categories(params UnicodeCategory[] categories)
    {
        uint mask = 0;
        foreach (UnicodeCategory category in categories) mask |= 1u << (int)category;
        return new CharacterSet(code => (mask >> (int)CodePoints.Category(code) & 1) != 0);
    }

    public bool Contains(int code)
    {
        if (_single >= 0) return code == _single;
        // Two threads that meet an unknown page compute the same bits.
        ulong[]?[] pages = _pages ??= new ulong[]?[0x110000 >> PageBits];
        ulong[] page = pages[code >> PageBits] ??= Fill(code & ~(PageSize - 1));
        return (page[(code >> 6) & (WordsPerPage - 1)] >> (code & 63) & 1) != 0;
    }

    public CharacterSet Negate() => new(code => !_contains(code));

    public CharacterSet And(CharacterSet other) => new(code => _contains(code) && other._contains(code));

    public static CharacterSet Any(IReadOnlyList<CharacterSet> sets) => sets.Count == 1 ? sets[0] : new CharacterSet(code =>
    {
        foreach (CharacterSet set in sets)
        {
            if (set._contains(code)) return true;
        }
        return false;
    });

    /// <summary>The set and what differs from its members in case only. U+017F and U+212A are an s and a k.</summary>
    public CharacterSet IgnoringCase() => new(code =>
    {
        if (_contains(code)) return true;
        if (!Rune.IsValid(code)) return false;
        int lower = Lower(code), upper = Rune.ToUpperInvariant(new Rune(lower)).Value;
        return _contains(lower) || _contains(upper) || (lower == 's' && _contains(0x17F)) || (lower == 'k' && _contains(0x212A));
    });

    private static int Lower(int code) => code switch
    {
        0x17F => 's',
        0x212A => 'k',
        _ => Rune.ToLowerInvariant(new Rune(code)).Value,
    };

    private ulong[] Fill(int first)
    {
        var page = new ulong[WordsPerPage];
        for (int i = 0; i < PageSize; i++)
        {
            if (_contains(first + i)) page[i >> 6] |= 1UL << (i & 63);
        }
        return page;
    }
}
