using System.Globalization;
using System.Text.RegularExpressions;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Matches a regular expression over code points (see <see cref="CodePoints.Collapse"/>).</summary>
/// <remarks>The files are written for Oniguruma in Ruby's syntax; what .NET reads differently is translated or refused:
/// <c>^</c> and <c>$</c> are line anchors there, a doubled quantifier is possessive in neither the same way, and <c>(?i:s)</c> also matches U+017F.</remarks>
internal sealed class RegexMatcher : IMatcher
{
    /// <summary>GPT-2's pattern, which ByteLevel uses when it splits by itself.</summary>
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    // A pattern that needs longer than this on one text is hostile or hopeless; the caller gets an error instead of a hang.
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(20);

    private readonly Regex _regex;
    private readonly string _source;

    public RegexMatcher(string pattern, string source)
    {
        _source = source;
        if (HasForeignSyntax(pattern))
            throw new UnsupportedException(source, $"the pattern '{pattern}'", "patterns that .NET reads as Oniguruma does");
        try
        {
            _regex = new Regex(pattern.Replace("(?i:'s|", "(?i:'[s\u017F]|", StringComparison.Ordinal), RegexOptions.CultureInvariant | RegexOptions.Multiline, TimeLimit);
        }
        catch (ArgumentException error)
        {
            throw new UnsupportedException(source, $"the pattern '{pattern}' ({error.Message})", "patterns that .NET's Regex reads");
        }
    }

    public void Find(AlignedText text, int start, int end, List<(int Start, int End)> matches)
    {
        try
        {
            foreach (ValueMatch match in _regex.EnumerateMatches(text.Collapsed[start..end])) matches.Add((start + match.Index, start + match.Index + match.Length));
        }
        catch (RegexMatchTimeoutException)
        {
            throw new InvalidInputException(_source, $"a text of {(end - start).ToString(CultureInfo.InvariantCulture)} characters on which the pattern '{_regex}' ran for {TimeLimit.TotalSeconds:0} s", "a text or pattern without such backtracking");
        }
    }

    /// <summary>Whether the pattern says something that Oniguruma reads and .NET does not, or reads otherwise.</summary>
    private static bool HasForeignSyntax(string pattern)
    {
        bool inClass = false;
        for (int i = 0; i < pattern.Length; i++)
        {
            char c = pattern[i], after = i + 1 < pattern.Length ? pattern[i + 1] : '\0';
            if (char.IsSurrogate(c)) return true;
            if (c == '\\')
            {
                if ("hHRXKGkg".Contains(after, StringComparison.Ordinal)) return true;
                if (after is 'p' or 'P' && pattern.AsSpan(i).StartsWith("\\p{^")) return true;
                i++;
            }
            else if (inClass)
            {
                // Nested classes, POSIX names and intersections.
                if (c == '[' || (c == '&' && after == '&')) return true;
                inClass = c != ']';
            }
            else if (c == '[') inClass = true;
            else if (after == '+' && (c is '*' or '+' or '?' || (c == '}' && IsCount(pattern, i)))) return true;
        }
        return false;
    }

    /// <summary>Whether the brace at <paramref name="end"/> closes a count such as <c>{1,3}</c> and not a name as in <c>\p{L}</c>.</summary>
    private static bool IsCount(string pattern, int end)
    {
        int start = pattern.LastIndexOf('{', end);
        return start >= 0 && end > start + 1 && pattern[(start + 1)..end].All(c => c == ',' || char.IsAsciiDigit(c));
    }
}
