using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Finds the matches of a regular expression, over code points.</summary>
/// <remarks>Our own because the files are written for Oniguruma: .NET reads <c>$</c>, <c>++</c> and characters beyond U+FFFF otherwise. The work on a text is
/// bounded by a multiple of its length, counted in steps and not in seconds, so that a slow machine gives the same answer.</remarks>
internal sealed class PatternMatcher : IMatcher
{
    /// <summary>GPT-2's pattern, which ByteLevel uses when it splits by itself.</summary>
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    // The patterns of known tokenizers need up to some ten steps a character.
    private const int StepsPerCharacter = 500, FreeSteps = 100_000, MostAlternatives = 64, LongestPattern = 20_000;

    private readonly PatternProgram _program;
    // The alternatives that a match beginning with an ASCII character can take, a bit each; what begins with another character may take any.
    private readonly ulong[] _startsBy = new ulong[128];
    private readonly ulong _all;
    private readonly string _pattern;
    private readonly string _file;

    /// <param name="pattern">The pattern.</param>
    /// <param name="file">What messages call the tokenizer.</param>
    /// <exception cref="UnsupportedException">The pattern is broken, or asks for what is not implemented; the message says what.</exception>
    public PatternMatcher(string pattern, string file)
    {
        (_pattern, _file) = (pattern.Length <= 200 ? pattern : pattern[..200] + "...", file);
        try
        {
            if (pattern.Length > LongestPattern) throw new PatternException($"more than {LongestPattern} characters");
            PatternNode node = PatternParser.Parse(pattern);
            _program = PatternProgram.Compile(node);
            if (_program.Starts.Length > MostAlternatives) _program = PatternProgram.Compile(new SequenceNode([node, new SequenceNode([])]));
        }
        catch (PatternException error)
        {
            throw new UnsupportedException(file, $"the pattern '{_pattern}' ({error.Message})", "patterns without back-references, captures and POSIX classes");
        }
        for (int i = 0; i < _program.Alternatives.Count; i++)
        {
            _all |= 1UL << i;
            for (int code = 0; code < _startsBy.Length; code++)
            {
                if (_program.Alternatives[i].CanStart(code)) _startsBy[code] |= 1UL << i;
            }
        }
    }

    public void Find(AlignedText text, int start, int end, List<(int Start, int End)> matches)
    {
        ReadOnlySpan<Unit> units = text.Units[start..end];
        PatternMachine machine = PatternMachine.Shared;
        machine.Allow(FreeSteps + (long)StepsPerCharacter * units.Length);
        try
        {
            for (int at = 0; at <= units.Length;)
            {
                int to = MatchAt(machine, units, at);
                if (to >= 0)
                {
                    matches.Add((start + at, start + to));
                    at = to > at ? to : at + 1;
                    continue;
                }
                if (_program.LeadingRun is { } run) while (at < units.Length && run.Contains(units[at].Code)) at++;
                at++;
            }
        }
        catch (PatternMachine.WorkException)
        {
            throw new InvalidInputException(_file, $"a text of {units.Length.ToString(CultureInfo.InvariantCulture)} characters on which the pattern '{_pattern}' tries more than {StepsPerCharacter} steps a character", "a text or pattern without such backtracking");
        }
    }

    private int MatchAt(PatternMachine machine, ReadOnlySpan<Unit> units, int at)
    {
        ulong open = at < units.Length && units[at].Code is < 128 and int code ? _startsBy[code] : _all;
        for (; open != 0; open &= open - 1)
        {
            int to = machine.Match(_program.Operations, _program.Starts[System.Numerics.BitOperations.TrailingZeroCount(open)], units, at);
            if (to >= 0) return to;
        }
        return -1;
    }
}
