using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

namespace HybridEngine.Models;

/// <summary>Filters on texts.</summary>
internal static partial class TextFilters
{
    public static void AddTo(Dictionary<string, TemplateFilter> filters)
    {
        filters["upper"] = (_, value, _) => TextMethods.Upper(PythonText.Str(value));
        filters["lower"] = (_, value, _) => TextMethods.Lower(PythonText.Str(value));
        filters["capitalize"] = (_, value, _) => TextMethods.Capitalize(PythonText.Str(value));
        filters["title"] = (_, value, _) => string.Concat(WordBeginnings().Split(PythonText.Str(value)).Select(TextMethods.Capitalize));
        filters["trim"] = (_, value, arguments) => TextMethods.Strip(PythonText.Str(value), arguments, true, true);
        filters["replace"] = (_, value, arguments) => TextMethods.Replace(PythonText.Str(value), PythonText.Str(arguments.Get(0, "old")), PythonText.Str(arguments.Get(1, "new")),
            arguments.Get(2, "count") is { } count ? PythonOperators.ToInt(count) : -1);
        filters["format"] = (_, value, arguments) => PythonFormat.Percent(PythonText.Str(value), FormatValues(arguments));
        filters["center"] = (interpreter, value, arguments) => interpreter.Invoke(TemplateMembers.Attribute(PythonText.Str(value), "center"), new CallArguments([arguments.Get(0, "width", (BigInteger)80)]));
        filters["indent"] = (_, value, arguments) => Indent(PythonText.Str(value), arguments);
        filters["truncate"] = (_, value, arguments) => Truncate(PythonText.Str(value), arguments);
        filters["wordwrap"] = (_, value, arguments) => Wrap(PythonText.Str(value), arguments);
        filters["wordcount"] = (_, value, _) => (BigInteger)Words().Count(PythonText.Str(value));
        filters["striptags"] = (_, value, _) => StripTags(PythonText.Str(value));
        filters["urlencode"] = (interpreter, value, _) => UrlEncode(value);
        filters["xmlattr"] = (_, value, _) => XmlAttributes(value);
    }

    private static object? FormatValues(CallArguments arguments)
    {
        if (arguments.Named.Count == 0) return new TemplateList(arguments.Positional, isTuple: true);
        var values = new TemplateDict();
        foreach ((string name, object? value) in arguments.Named) values[name] = value;
        return values;
    }

    private static string Indent(string text, CallArguments arguments)
    {
        object? width = arguments.Get(0, "width", (BigInteger)4);
        bool first = PythonOperators.IsTrue(arguments.Get(1, "first", false)), blank = PythonOperators.IsTrue(arguments.Get(2, "blank", false));
        string step = width is string or SafeText ? PythonText.Str(width) : new string(' ', Math.Clamp(PythonOperators.ToInt(width), 0, 1 << 16));
        string[] lines = (text + "\n").ReplaceLineEndings("\n")[..^1].Split('\n');
        var result = new StringBuilder(first ? step : "");
        for (int i = 0; i < lines.Length; i++)
        {
            if (i > 0) result.Append('\n').Append(blank || lines[i].Length > 0 ? step : "");
            result.Append(lines[i]);
            PythonOperators.Check(result);
        }
        return PythonOperators.Bounded(result.ToString());
    }

    private static string Truncate(string text, CallArguments arguments)
    {
        int length = PythonOperators.ToInt(arguments.Get(0, "length", (BigInteger)255)), leeway = arguments.Get(3, "leeway") is { } given ? PythonOperators.ToInt(given) : 5;
        string end = PythonText.Str(arguments.Get(2, "end", "..."));
        string[] characters = [.. text.EnumerateRunes().Select(rune => rune.ToString())];
        int kept = length - end.EnumerateRunes().Count();
        if (kept < 0) throw new TemplateException($"expected length >= {length - kept}, got {length}");
        if (characters.Length <= length + leeway) return text;
        string cut = string.Concat(characters[..kept]);
        if (PythonOperators.IsTrue(arguments.Get(1, "killwords", false))) return cut + end;
        int space = cut.LastIndexOf(' ');
        return (space < 0 ? cut : cut[..space]) + end;
    }

    private static string Wrap(string text, CallArguments arguments)
    {
        int width = PythonOperators.ToInt(arguments.Get(0, "width", (BigInteger)79));
        if (width < 1) throw new TemplateException($"invalid width {width} (must be > 0)");
        bool breakWords = PythonOperators.IsTrue(arguments.Get(1, "break_long_words", true));
        string newline = PythonText.Str(arguments.Get(2, "wrapstring") ?? "\n");
        return PythonOperators.Join(newline, text.ReplaceLineEndings("\n").Split('\n').SelectMany(line => WrapLine(line, width, breakWords)));
    }

    private static List<string> WrapLine(string line, int width, bool breakWords)
    {
        var lines = new List<string>();
        var current = new StringBuilder();
        foreach (Match word in Chunks().Matches(line))
        {
            string part = word.Value;
            if ((long)current.Length + part.Length > width)
            {
                End();
                part = part.TrimStart();
                int at = 0;
                for (; breakWords && part.Length - at > width; at += width) lines.Add(part.Substring(at, width));
                part = part[at..];
            }
            current.Append(part);
        }
        End();
        if (lines.Count == 0) lines.Add("");
        return lines;

        void End()
        {
            string text = current.ToString().TrimEnd();
            if (text.Length > 0) lines.Add(text);
            current.Clear();
        }
    }

    private static string StripTags(string text)
    {
        string bare = Without(Without(text, "<!--", "-->"), "<", ">");
        string joined = string.Join(' ', bare.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return System.Net.WebUtility.HtmlDecode(joined);
    }

    /// <summary>The text without what stands between two marks, marks included; one pass, so that no text is slow.</summary>
    private static string Without(string text, string open, string close)
    {
        var result = new StringBuilder();
        int at = 0;
        while (text.IndexOf(open, at, StringComparison.Ordinal) is var start and >= 0 && text.IndexOf(close, start + open.Length, StringComparison.Ordinal) is var end and >= 0)
        {
            result.Append(text, at, start - at);
            at = end + close.Length;
        }
        return result.Append(text, at, text.Length - at).ToString();
    }

    private static string UrlEncode(object? value)
    {
        if (value is TemplateDict dict) return string.Join('&', dict.Items.Select(item => $"{Quote(item.Key, "")}={Quote(item.Value, "")}".Replace("%20", "+", StringComparison.Ordinal)));
        return Quote(value, "/");
    }

    private static string Quote(object? value, string safe)
    {
        var result = new StringBuilder();
        foreach (byte c in Encoding.UTF8.GetBytes(PythonText.Str(value)))
        {
            if (char.IsAsciiLetterOrDigit((char)c) || "_.-~".Contains((char)c, StringComparison.Ordinal) || safe.Contains((char)c, StringComparison.Ordinal)) result.Append((char)c);
            else result.Append(CultureInfo.InvariantCulture, $"%{c:X2}");
        }
        return result.ToString();
    }

    private static string XmlAttributes(object? value)
    {
        if (value is not TemplateDict dict) throw new TemplateException("xmlattr expects a mapping");
        return string.Concat(dict.Items.Where(item => item.Value is not (null or Undefined))
            .Select(item => $" {PythonOperators.Escape(PythonText.Str(item.Key))}=\"{PythonOperators.Escape(PythonText.Str(item.Value))}\""));
    }

    [GeneratedRegex(@"([-\s({\[<]+)", RegexOptions.CultureInvariant)]
    private static partial Regex WordBeginnings();

    [GeneratedRegex(@"\w+", RegexOptions.CultureInvariant)]
    private static partial Regex Words();

    [GeneratedRegex(@"\s*\S+", RegexOptions.CultureInvariant)]
    private static partial Regex Chunks();
}
