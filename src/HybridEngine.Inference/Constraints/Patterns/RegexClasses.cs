using System.Globalization;

namespace HybridEngine.Inference;

/// <summary>The named sets of regular expressions.</summary>
internal static class RegexClasses
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, CodePointSet?> Properties = new(StringComparer.Ordinal);

    private static readonly Dictionary<string, string> LongNames = new(StringComparer.Ordinal)
    {
        ["Letter"] = "L", ["Uppercase_Letter"] = "Lu", ["Lowercase_Letter"] = "Ll", ["Titlecase_Letter"] = "Lt", ["Modifier_Letter"] = "Lm", ["Other_Letter"] = "Lo",
        ["Mark"] = "M", ["Number"] = "N", ["Decimal_Number"] = "Nd", ["digit"] = "Nd", ["Punctuation"] = "P", ["punct"] = "P", ["Symbol"] = "S", ["Separator"] = "Z",
        ["Space_Separator"] = "Zs", ["Other"] = "C", ["Control"] = "Cc", ["Nonspacing_Mark"] = "Mn", ["Math_Symbol"] = "Sm", ["Currency_Symbol"] = "Sc",
    };

    // Two-letter names in the order of UnicodeCategory.
    private static readonly string[] Categories =
    [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn",
    ];

    public static CodePointSet Digit { get; } = CodePointSet.Of('0', '9');

    public static CodePointSet Word { get; } = CodePointSet.Of([('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')]);

    public static CodePointSet Space(RegexDialect dialect) => dialect == RegexDialect.Python ? PythonSpace : EcmaSpace;

    public static CodePointSet Dot(RegexDialect dialect) => dialect == RegexDialect.Python ? PythonDot : EcmaDot;

    private static CodePointSet PythonSpace { get; } = CodePointSet.OfCharacters(" \t\n\r\f\v");

    private static CodePointSet EcmaSpace { get; } = CodePointSet.Of([(9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)]);

    private static CodePointSet PythonDot { get; } = CodePointSet.Of('\n').Complement();

    private static CodePointSet EcmaDot { get; } = CodePointSet.OfCharacters("\n\r\u2028\u2029").Complement();

    /// <summary>The set of a general category (<c>L</c>, <c>Letter</c>, <c>gc=Lu</c>), or null where the name is none.</summary>
    public static CodePointSet? Property(string name)
    {
        foreach (string prefix in (ReadOnlySpan<string>)["gc=", "General_Category="])
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal)) { name = name[prefix.Length..]; }
        }

        name = LongNames.GetValueOrDefault(name, name);
        if (name.Length is not (1 or 2) || !Categories.Any(category => category.StartsWith(name, StringComparison.Ordinal))) { return null; }
        lock (Gate)
        {
            if (!Properties.TryGetValue(name, out CodePointSet? set)) { Properties.Add(name, set = Collect(name)); }
            return set;
        }
    }

    private static CodePointSet Collect(string prefix)
    {
        var ranges = new List<(int, int)>();
        for (int codePoint = 0; codePoint <= 0x10FFFF; codePoint++)
        {
            if (!Categories[(int)CharUnicodeInfo.GetUnicodeCategory(codePoint)].StartsWith(prefix, StringComparison.Ordinal)) { continue; }
            if (ranges.Count > 0 && ranges[^1].Item2 == codePoint - 1) { ranges[^1] = (ranges[^1].Item1, codePoint); }
            else { ranges.Add((codePoint, codePoint)); }
        }

        return CodePointSet.Of(ranges);
    }
}
