using System.Globalization;
using System.Numerics;
using System.Text;

namespace HybridEngine.Models;

/// <summary>How Python writes values: <c>str</c>, <c>repr</c> and the names of types.</summary>
internal static class PythonText
{
    // Values can share parts, so a small template can make a value whose text is enormous.
    private const int DeepestValue = 100;

    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        BigInteger => "int",
        double => "float",
        string => "str",
        SafeText => "Markup",
        TemplateList list => list.IsTuple ? "tuple" : "list",
        TemplateDict => "dict",
        TemplateGenerator => "generator",
        TemplateRange => "range",
        TemplateView view => view.Name,
        TemplateNamespace => "Namespace",
        TemplateGroup => "_GroupTuple",
        Undefined => "Undefined",
        TemplateObject other => other.TypeName,
        _ => "function",
    };

    public static string Str(object? value) => value switch
    {
        string text => text,
        SafeText safe => safe.Text,
        Undefined => "",
        _ => Repr(value),
    };

    public static string Repr(object? value)
    {
        var builder = new StringBuilder();
        Write(builder, value, 0);
        return builder.ToString();
    }

    /// <summary>The shortest digits that give the number back, with an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Float(double value)
    {
        if (double.IsNaN(value)) return "nan";
        if (double.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        // "R" gives the shortest digits; its layout is not Python's, so only digits and exponent are taken from it.
        string shortest = value.ToString("R", CultureInfo.InvariantCulture);
        string sign = shortest.StartsWith('-') ? "-" : "";
        string[] halves = shortest[sign.Length..].Split('E');
        int point = halves[0].IndexOf('.', StringComparison.Ordinal);
        string all = halves[0].Replace(".", "", StringComparison.Ordinal), digits = all.TrimStart('0');
        int exponent = (halves.Length > 1 ? int.Parse(halves[1], CultureInfo.InvariantCulture) : 0) + (point < 0 ? all.Length : point) - 1 - (all.Length - digits.Length);
        digits = digits.TrimEnd('0');
        if (digits.Length == 0) (digits, exponent) = ("0", 0);
        if (exponent is < -4 or >= 16)
        {
            string fraction = digits.Length > 1 ? "." + digits[1..] : "";
            return $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? "-" : "+")}{Math.Abs(exponent):00}";
        }
        if (exponent < 0) return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        string whole = digits.Length > exponent ? digits[..(exponent + 1)] : digits.PadRight(exponent + 1, '0');
        string rest = digits.Length > exponent + 1 ? digits[(exponent + 1)..] : "0";
        return $"{sign}{whole}.{rest}";
    }

    private static void Write(StringBuilder builder, object? value, int depth)
    {
        if (depth > DeepestValue) throw new TemplateException($"a value nested more than {DeepestValue} deep cannot be written");
        PythonOperators.Check(builder);
        switch (value)
        {
            case null: builder.Append("None"); break;
            case bool flag: builder.Append(flag ? "True" : "False"); break;
            case BigInteger number: builder.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: builder.Append(Float(number)); break;
            case string text: WriteQuoted(builder, text); break;
            case SafeText safe:
                builder.Append("Markup(");
                WriteQuoted(builder, safe.Text);
                builder.Append(')');
                break;
            case Undefined: builder.Append("Undefined"); break;
            case TemplateList { IsTuple: true } tuple:
                WriteItems(builder, "(", tuple.Items, tuple.Items.Count == 1 ? ",)" : ")", depth);
                break;
            case TemplateList list: WriteItems(builder, "[", list.Items, "]", depth); break;
            case TemplateGroup group: WriteItems(builder, "(", [group.Key, group.Members], ")", depth); break;
            case TemplateView view: WriteItems(builder, view.Name + "([", view.Items, "])", depth); break;
            case TemplateDict dict: WriteDict(builder, dict, depth); break;
            case TemplateRange range: builder.Append(range.Step.IsOne ? $"range({range.Start}, {range.Stop})" : $"range({range.Start}, {range.Stop}, {range.Step})"); break;
            case TemplateNamespace: builder.Append("<Namespace>"); break;
            case TemplateFunction function: builder.Append(CultureInfo.InvariantCulture, $"<function {function.Name}>"); break;
            default: builder.Append(CultureInfo.InvariantCulture, $"<{TypeName(value)} object>"); break;
        }
    }

    private static void WriteItems(StringBuilder builder, string open, IReadOnlyList<object?> items, string close, int depth)
    {
        builder.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0) builder.Append(", ");
            Write(builder, items[i], depth + 1);
        }
        builder.Append(close);
    }

    private static void WriteDict(StringBuilder builder, TemplateDict dict, int depth)
    {
        builder.Append('{');
        for (int i = 0; i < dict.Count; i++)
        {
            if (i > 0) builder.Append(", ");
            Write(builder, dict.Items[i].Key, depth + 1);
            builder.Append(": ");
            Write(builder, dict.Items[i].Value, depth + 1);
        }
        builder.Append('}');
    }

    /// <summary>Single quotes, unless only double ones spare escapes; what cannot be printed is escaped.</summary>
    private static void WriteQuoted(StringBuilder builder, string text)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        builder.Append(quote);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            int code = c;
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) code = char.ConvertToUtf32(c, text[++i]);
            if (c == quote || c == '\\') builder.Append('\\').Append(c);
            else if (c == '\n') builder.Append("\\n");
            else if (c == '\r') builder.Append("\\r");
            else if (c == '\t') builder.Append("\\t");
            else if (IsPrintable(code)) builder.Append(code > 0xFFFF ? char.ConvertFromUtf32(code) : c.ToString());
            else builder.Append(code <= 0xFF ? $"\\x{code:x2}" : code <= 0xFFFF ? $"\\u{code:x4}" : $"\\U{code:x8}");
        }
        builder.Append(quote);
    }

    private static bool IsPrintable(int code) => code == ' ' || CodePoints.Category(code) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
