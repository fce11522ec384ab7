using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace HybridEngine.Models;

/// <summary>The methods of Python's strings. Lengths and places count code points.</summary>
internal static class TextMethods
{
    private static readonly SearchValues<char> LineEnds = SearchValues.Create("\n\r\v\f\u001c\u001d\u001e\u0085\u2028\u2029");

    private static readonly Dictionary<string, Func<string, CallArguments, object?>> Known = new(StringComparer.Ordinal)
    {
        ["strip"] = (text, arguments) => Strip(text, arguments, true, true),
        ["lstrip"] = (text, arguments) => Strip(text, arguments, true, false),
        ["rstrip"] = (text, arguments) => Strip(text, arguments, false, true),
        ["split"] = (text, arguments) => Split(text, arguments, fromRight: false),
        ["rsplit"] = (text, arguments) => Split(text, arguments, fromRight: true),
        ["splitlines"] = (text, arguments) => SplitLines(text, PythonOperators.IsTrue(arguments.Get(0, "keepends", false))),
        ["partition"] = (text, arguments) => Partition(text, Sought(text, arguments, "sep"), fromRight: false),
        ["rpartition"] = (text, arguments) => Partition(text, Sought(text, arguments, "sep"), fromRight: true),
        ["startswith"] = (text, arguments) => Any(arguments.Get(0, "prefix"), prefix => text.StartsWith(prefix, StringComparison.Ordinal)),
        ["endswith"] = (text, arguments) => Any(arguments.Get(0, "suffix"), suffix => text.EndsWith(suffix, StringComparison.Ordinal)),
        ["removeprefix"] = (text, arguments) => Text(arguments.Get(0, "prefix")) is var prefix && text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text,
        ["removesuffix"] = (text, arguments) => Text(arguments.Get(0, "suffix")) is { Length: > 0 } suffix && text.EndsWith(suffix, StringComparison.Ordinal) ? text[..^suffix.Length] : text,
        ["upper"] = (text, _) => Upper(text),
        ["lower"] = (text, _) => Lower(text),
        ["casefold"] = (text, _) => Lower(text.Replace("ß", "ss", StringComparison.Ordinal)),
        ["title"] = (text, _) => Title(text),
        ["capitalize"] = (text, _) => Capitalize(text),
        ["swapcase"] = (text, _) => string.Concat(text.EnumerateRunes().Select(rune => Rune.IsUpper(rune) ? Lower(rune.ToString()) : Upper(rune.ToString()))),
        ["replace"] = (text, arguments) => Replace(text, Text(arguments.Get(0, "old")), Text(arguments.Get(1, "new")), PythonOperators.ToInt(arguments.Get(2, "count", BigInteger.MinusOne))),
        ["find"] = (text, arguments) => Place(text, text.IndexOf(Sought(text, arguments, "sub"), StringComparison.Ordinal)),
        ["rfind"] = (text, arguments) => Place(text, text.LastIndexOf(Sought(text, arguments, "sub"), StringComparison.Ordinal)),
        ["index"] = (text, arguments) => Found(Place(text, text.IndexOf(Sought(text, arguments, "sub"), StringComparison.Ordinal))),
        ["rindex"] = (text, arguments) => Found(Place(text, text.LastIndexOf(Sought(text, arguments, "sub"), StringComparison.Ordinal))),
        ["count"] = (text, arguments) => (BigInteger)Count(text, Sought(text, arguments, "sub")),
        ["join"] = (text, arguments) => PythonOperators.Join(text, PythonOperators.Iterate(arguments.Get(0, "iterable")).Select(Text)),
        ["format"] = PythonFormat.Braces,
        ["center"] = (text, arguments) => Pad(text, arguments, (missing, width) => missing / 2 + (missing & width & 1)),
        ["ljust"] = (text, arguments) => Pad(text, arguments, (_, _) => 0),
        ["rjust"] = (text, arguments) => Pad(text, arguments, (missing, _) => missing),
        ["zfill"] = (text, arguments) => ZeroFill(text, PythonOperators.ToInt(arguments.Get(0, "width"))),
        ["encode"] = (_, _) => throw new TemplateException("templates have no bytes"),
        ["isdigit"] = (text, _) => All(text, rune => Rune.IsDigit(rune) || CharUnicodeInfo.GetDigitValue(rune.ToString(), 0) >= 0),
        ["isdecimal"] = (text, _) => All(text, Rune.IsDigit),
        ["isnumeric"] = (text, _) => All(text, Rune.IsNumber),
        ["isalpha"] = (text, _) => All(text, Rune.IsLetter),
        ["isalnum"] = (text, _) => All(text, rune => Rune.IsLetter(rune) || Rune.IsNumber(rune)),
        ["isspace"] = (text, _) => All(text, Rune.IsWhiteSpace),
        ["isupper"] = (text, _) => IsUpper(text),
        ["islower"] = (text, _) => IsLower(text),
    };

    public static bool TryBind(object? owner, string name, out object? value)
    {
        value = null;
        if (!Known.TryGetValue(name, out Func<string, CallArguments, object?>? method)) return false;
        string text = PythonText.Str(owner);
        value = new TemplateFunction(name, arguments => method(text, arguments));
        return true;
    }

    public static bool IsUpper(string text) => text.EnumerateRunes().Any(Rune.IsUpper) && !text.EnumerateRunes().Any(Rune.IsLower);

    public static bool IsLower(string text) => text.EnumerateRunes().Any(Rune.IsLower) && !text.EnumerateRunes().Any(Rune.IsUpper);

    public static string Upper(string text) => text.Replace("ß", "SS", StringComparison.Ordinal).ToUpperInvariant();

    public static string Lower(string text) => text.Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>A letter after something that is not a letter becomes upper case, the others lower case.</summary>
    private static string Title(string text)
    {
        var result = new StringBuilder();
        bool inside = false;
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append(inside ? Lower(rune.ToString()) : Upper(rune.ToString()));
            inside = Rune.IsLetter(rune);
        }
        return result.ToString();
    }

    public static string Capitalize(string text)
    {
        if (text.Length == 0) return text;
        int first = char.IsHighSurrogate(text[0]) && text.Length > 1 ? 2 : 1;
        return Upper(text[..first]) + Lower(text[first..]);
    }

    /// <summary>Replaces up to <paramref name="count"/> places, all when it is negative; an empty text stands between all characters.</summary>
    public static string Replace(string text, string old, string content, int count)
    {
        if (count < 0) count = int.MaxValue;
        PythonOperators.Search(text, old);
        var result = new StringBuilder();
        if (old.Length == 0)
        {
            string[] characters = [.. text.EnumerateRunes().Select(rune => rune.ToString())];
            for (int i = 0; i <= characters.Length; i++)
            {
                if (i < count) result.Append(content);
                if (i < characters.Length) result.Append(characters[i]);
                PythonOperators.Check(result);
            }
            return result.ToString();
        }
        int at = 0;
        for (int i = text.IndexOf(old, StringComparison.Ordinal); i >= 0 && count > 0; i = text.IndexOf(old, at, StringComparison.Ordinal), count--)
        {
            result.Append(text, at, i - at).Append(content);
            at = i + old.Length;
            PythonOperators.Check(result);
        }
        return PythonOperators.Bounded(result.Append(text, at, text.Length - at).ToString());
    }

    public static string Strip(string text, CallArguments arguments, bool left, bool right)
    {
        object? characters = arguments.Get(0, "chars");
        HashSet<Rune>? set = characters == null ? null : [.. Text(characters).EnumerateRunes()];
        Rune[] runes = [.. text.EnumerateRunes()];
        int start = 0, end = runes.Length;
        while (left && start < end && Goes(runes[start])) start++;
        while (right && end > start && Goes(runes[end - 1])) end--;
        return start == 0 && end == runes.Length ? text : string.Concat(runes[start..end].Select(rune => rune.ToString()));

        bool Goes(Rune rune) => set?.Contains(rune) ?? IsSpace(rune);
    }

    /// <summary>Python's white space: Unicode's, and the separators U+001C to U+001F.</summary>
    private static bool IsSpace(Rune rune) => Rune.IsWhiteSpace(rune) || rune.Value is >= 0x1C and <= 0x1F;

    private static TemplateList Split(string text, CallArguments arguments, bool fromRight)
    {
        arguments.Check("split", 2, "sep", "maxsplit");
        object? separator = arguments.Get(0, "sep");
        int most = PythonOperators.ToInt(arguments.Get(1, "maxsplit", BigInteger.MinusOne));
        if (most < 0) most = int.MaxValue - 1;
        if (separator == null) return SplitSpace(text, most, fromRight);
        string mark = Sought(text, arguments, "sep");
        if (mark.Length == 0) throw new TemplateException("empty separator");
        string[] parts = text.Split(mark);
        if (parts.Length <= most + 1) return new TemplateList([.. parts]);
        return fromRight
            ? new TemplateList([string.Join(mark, parts[..^most]), .. parts[^most..]])
            : new TemplateList([.. parts[..most], string.Join(mark, parts[most..])]);
    }

    private static TemplateList SplitSpace(string text, int most, bool fromRight)
    {
        if (fromRight)
        {
            // Words from the right are those of the reversed text.
            TemplateList reversed = SplitSpace(Reverse(text), most, fromRight: false);
            return new TemplateList([.. reversed.Items.Reverse().Select(part => Reverse(PythonText.Str(part)))]);
        }
        var parts = new List<object?>();
        for (int at = 0; ;)
        {
            while (at < text.Length && IsSpace(new Rune(char.IsSurrogate(text[at]) ? 'x' : text[at]))) at++;
            if (at == text.Length) break;
            int end = at;
            if (parts.Count == most) end = text.Length;
            else while (end < text.Length && !IsSpace(new Rune(char.IsSurrogate(text[end]) ? 'x' : text[end]))) end++;
            parts.Add(parts.Count == most ? text[at..end].TrimEnd() : text[at..end]);
            at = end;
        }
        return new TemplateList(parts);
    }

    public static string Reverse(string text) => string.Concat(text.EnumerateRunes().Reverse().Select(rune => rune.ToString()));

    private static TemplateList SplitLines(string text, bool keepEnds)
    {
        var lines = new List<object?>();
        for (int at = 0; at < text.Length;)
        {
            int end = text.AsSpan(at).IndexOfAny(LineEnds);
            end = end < 0 ? text.Length : at + end;
            int next = end == text.Length ? end : text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            lines.Add(text[at..(keepEnds ? next : end)]);
            at = next;
        }
        return new TemplateList(lines);
    }

    private static TemplateList Partition(string text, string mark, bool fromRight)
    {
        if (mark.Length == 0) throw new TemplateException("empty separator");
        int at = fromRight ? text.LastIndexOf(mark, StringComparison.Ordinal) : text.IndexOf(mark, StringComparison.Ordinal);
        if (at < 0) return new TemplateList(fromRight ? ["", "", text] : [text, "", ""], isTuple: true);
        return new TemplateList([text[..at], mark, text[(at + mark.Length)..]], isTuple: true);
    }

    private static bool Any(object? candidates, Func<string, bool> predicate) =>
        candidates is TemplateList { IsTuple: true } tuple ? tuple.Items.Select(Text).Any(predicate) : predicate(Text(candidates));

    private static int Count(string text, string part)
    {
        if (part.Length == 0) return text.EnumerateRunes().Count() + 1;
        int count = 0;
        for (int i = text.IndexOf(part, StringComparison.Ordinal); i >= 0; i = text.IndexOf(part, i + part.Length, StringComparison.Ordinal)) count++;
        return count;
    }

    private static BigInteger Place(string text, int index) => index < 0 ? -1 : text[..index].EnumerateRunes().Count();

    private static BigInteger Found(BigInteger place) => place >= 0 ? place : throw new TemplateException("substring not found");

    private static string Pad(string text, CallArguments arguments, Func<int, int, int> left)
    {
        int width = PythonOperators.ToInt(arguments.Get(0, "width")), length = text.EnumerateRunes().Count();
        string fill = Text(arguments.Get(1, "fillchar", " "));
        if (fill.EnumerateRunes().Count() != 1) throw new TemplateException("The fill character must be exactly one character long");
        if (width > PythonOperators.LongestText) throw new TemplateException($"a text of more than {PythonOperators.LongestText} characters");
        int missing = Math.Max(0, width - length), before = missing == 0 ? 0 : left(missing, width);
        return string.Concat(Enumerable.Repeat(fill, before)) + text + string.Concat(Enumerable.Repeat(fill, missing - before));
    }

    private static string ZeroFill(string text, int width)
    {
        int missing = Math.Min(width, PythonOperators.LongestText) - text.EnumerateRunes().Count();
        if (missing <= 0) return text;
        string zeros = new('0', missing);
        return text.Length > 0 && text[0] is '+' or '-' ? text[0] + zeros + text[1..] : zeros + text;
    }

    private static bool All(string text, Func<Rune, bool> predicate) => text.Length > 0 && text.EnumerateRunes().All(predicate);

    /// <summary>The first argument, a text that is looked for.</summary>
    private static string Sought(string text, CallArguments arguments, string name)
    {
        string part = Text(arguments.Get(0, name));
        PythonOperators.Search(text, part);
        return part;
    }

    private static string Text(object? value) => value is string or SafeText ? PythonText.Str(value) : throw new TemplateException($"expected str, {PythonText.TypeName(PythonOperators.Demand(value))} found");
}
