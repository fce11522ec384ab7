using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace HybridEngine.Cli.CommandLine;

/// <summary>Ranges of numeric options, with messages that name the option, what was found and what was expected.</summary>
internal static class Numbers
{
    public static Option<T> AtLeast<T>(Option<T> option, T minimum) where T : struct, INumber<T> =>
        Check(option, v => v >= minimum, $"a number of at least {minimum.ToString(null, CultureInfo.InvariantCulture)}");

    public static Option<T> Between<T>(Option<T> option, T minimum, T maximum) where T : struct, INumber<T> =>
        Check(option, v => v >= minimum && v <= maximum, $"a number from {minimum.ToString(null, CultureInfo.InvariantCulture)} to {maximum.ToString(null, CultureInfo.InvariantCulture)}");

    private static Option<T> Check<T>(Option<T> option, Func<T, bool> isAllowed, string expected) where T : struct, INumber<T>
    {
        option.CustomParser = result =>
        {
            string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (!T.TryParse(text, CultureInfo.InvariantCulture, out T value) || T.IsNaN(value) || !isAllowed(value))
            {
                result.AddError($"{option.Name}: found '{text}', expected {expected}");
                return default;
            }

            return value;
        };
        return option;
    }

    /// <summary>Parses <c>1,2,3</c>.</summary>
    public static int[] ParseIds(ArgumentResult result, string name)
    {
        string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        int[] ids = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out ids[i]))
            {
                result.AddError($"{name}: found '{parts[i]}', expected token ids such as 1,2,3");
                return [];
            }
        }

        return ids;
    }
}
