using HybridEngine.Cli.CommandLine;

namespace HybridEngine.Cli.Input;

/// <summary>Options of which exactly one must be given.</summary>
internal static class OneOf
{
    /// <exception cref="UsageException">None or several are given.</exception>
    public static void Require(params ReadOnlySpan<(string Name, bool Given)> options)
    {
        List<string> names = [], given = [];
        foreach ((string name, bool isGiven) in options)
        {
            names.Add(name);
            if (isGiven) { given.Add(name); }
        }

        if (given.Count != 1) { throw new UsageException(given.Count == 0 ? "none of them" : string.Join(" and ", given), $"exactly one of {string.Join(", ", names)}"); }
    }

    /// <summary>One text of the command line, or the texts of a file's lines.</summary>
    public static IEnumerable<string> TextOrLines(string? text, string? input)
    {
        Require(("--text", text is not null), ("--input", input is not null));
        return text is not null ? [text] : InputLines.Read(input!).Select(line => line.Text("text"));
    }
}
