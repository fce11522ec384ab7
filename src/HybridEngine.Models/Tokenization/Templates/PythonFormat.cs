using System.Globalization;
using System.Numerics;
using System.Text;

namespace HybridEngine.Models;

/// <summary>Python's two ways to put values into a text: <c>%</c> and <c>format</c>.</summary>
internal static class PythonFormat
{
    private const int WidestField = 1 << 16;

    /// <summary><c>'%s: %5.2f' % values</c>.</summary>
    public static string Percent(string format, object? values)
    {
        IReadOnlyList<object?> list = values is TemplateList { IsTuple: true } tuple ? tuple.Items : [values];
        var result = new StringBuilder();
        int used = 0;
        bool named = false;
        for (int i = 0; i < format.Length; i++)
        {
            PythonOperators.Check(result);
            if (format[i] != '%')
            {
                result.Append(format[i]);
                continue;
            }
            if (++i >= format.Length) throw new TemplateException("incomplete format");
            if (format[i] == '%')
            {
                result.Append('%');
                continue;
            }
            object? value = null;
            bool byName = format[i] == '(';
            if (byName)
            {
                int close = format.IndexOf(')', i);
                if (close < 0) throw new TemplateException("incomplete format key");
                if (values is not TemplateDict dict) throw new TemplateException("format requires a mapping");
                string key = format[(i + 1)..close];
                if (!dict.TryGet(key, out value)) throw new TemplateException($"'{key}'");
                named = true;
                i = close + 1;
            }
            int start = i;
            while (i < format.Length && "-+ #0123456789.*hlL".Contains(format[i], StringComparison.Ordinal)) i++;
            if (i >= format.Length) throw new TemplateException("incomplete format");
            if (!byName) value = used < list.Count ? list[used++] : throw new TemplateException("not enough arguments for format string");
            result.Append(PercentField(format[start..i], format[i], value));
        }
        if (!named && used < list.Count && values is not TemplateDict) throw new TemplateException("not all arguments converted during string formatting");
        return PythonOperators.Bounded(result.ToString());
    }

    /// <summary><c>'{} {name:>8.2f}'.format(...)</c>, without attributes beyond the sandbox.</summary>
    public static object Braces(string format, CallArguments arguments)
    {
        var result = new StringBuilder();
        int automatic = 0;
        for (int i = 0; i < format.Length; i++)
        {
            PythonOperators.Check(result);
            char c = format[i];
            if (c is '{' or '}' && i + 1 < format.Length && format[i + 1] == c)
            {
                result.Append(c);
                i++;
            }
            else if (c == '}') throw new TemplateException("Single '}' encountered in format string");
            else if (c != '{') result.Append(c);
            else
            {
                int close = format.IndexOf('}', i);
                if (close < 0) throw new TemplateException("expected '}' before end of string");
                string field = format[(i + 1)..close];
                int colon = field.IndexOf(':');
                string name = colon < 0 ? field : field[..colon], spec = colon < 0 ? "" : field[(colon + 1)..], conversion = "";
                int bang = name.IndexOf('!');
                if (bang >= 0) (name, conversion) = (name[..bang], name[(bang + 1)..]);
                object? value = Lookup(name, arguments, ref automatic);
                if (conversion.Length > 0) value = conversion == "r" ? PythonText.Repr(value) : PythonText.Str(value);
                result.Append(Format(value, spec));
                i = close;
            }
        }
        return PythonOperators.Bounded(result.ToString());
    }

    private static object? Lookup(string name, CallArguments arguments, ref int automatic)
    {
        int end = name.AsSpan().IndexOfAny('.', '[');
        string first = end < 0 ? name : name[..end];
        object? value;
        if (first.Length == 0 || first.All(char.IsAsciiDigit))
        {
            int index = first.Length == 0 ? automatic++ : int.TryParse(first, out int number) ? number : int.MaxValue;
            value = index < arguments.Positional.Count ? arguments.Positional[index] : throw new TemplateException($"Replacement index {index} out of range for positional args tuple");
        }
        else value = arguments.Named.Any(argument => argument.Key == first) ? arguments.Get(int.MaxValue, first) : throw new TemplateException($"'{first}'");
        for (int at = end; at >= 0 && at < name.Length;)
        {
            bool index = name[at] == '[';
            int stop = index ? name.IndexOf(']', at) : name.AsSpan(at + 1).IndexOfAny('.', '[') is var next and >= 0 ? at + 1 + next : name.Length;
            if (stop < 0) throw new TemplateException("Missing ']' in format string");
            string key = name[(at + 1)..stop];
            value = index ? TemplateMembers.Item(value, BigInteger.TryParse(key, out BigInteger place) ? place : key) : TemplateMembers.Attribute(value, key);
            at = index ? stop + 1 : stop;
        }
        return value;
    }

    private static string PercentField(string flags, char kind, object? value)
    {
        bool left = flags.Contains('-', StringComparison.Ordinal);
        string digits = flags.TrimStart('-', '+', ' ', '#', '0');
        bool zero = !left && flags[..(flags.Length - digits.Length)].Contains('0', StringComparison.Ordinal);
        string sign = flags.Contains('+', StringComparison.Ordinal) ? "+" : flags.Contains(' ', StringComparison.Ordinal) ? " " : "";
        if (kind is 'd' or 'i' or 'u')
        {
            kind = 'd';
            if (value is double number) value = new BigInteger(Math.Truncate(number));
            if (!PythonOperators.IsNumber(value)) throw new TemplateException($"%{kind} format: a real number is required, not {PythonText.TypeName(value)}");
        }
        if (kind is 's' or 'r' or 'a')
        {
            value = kind == 's' ? PythonText.Str(value) : PythonText.Repr(value);
            (kind, zero, sign) = ('s', false, "");
        }
        else if (kind is 'f' or 'F' or 'e' or 'E' or 'g' or 'G') value = PythonOperators.ToDouble(value);
        string alternate = flags.Contains('#', StringComparison.Ordinal) ? "#" : "";
        return Format(value, $"{(zero ? "" : left ? "<" : ">")}{sign}{alternate}{(zero ? "0" : "")}{digits}{kind}");
    }

    /// <summary>Python's format specification: <c>[[fill]align][sign][#][0][width][,][.precision][type]</c>.</summary>
    public static string Format(object? value, string spec)
    {
        if (spec.Length == 0) return PythonText.Str(value);
        int at = 0;
        string fill = " ";
        char align = '\0', sign = '-';
        if (spec.Length > 1 && spec[1] is '<' or '>' or '^' or '=') (fill, align, at) = (spec[..1], spec[1], 2);
        else if (spec[0] is '<' or '>' or '^' or '=') (align, at) = (spec[0], 1);
        if (at < spec.Length && spec[at] is '+' or '-' or ' ') sign = spec[at++];
        bool alternate = Skip('#');
        if (Skip('0') && align == '\0') (fill, align) = ("0", '=');
        int width = Number() ?? 0;
        bool commas = Skip(','), underscores = !commas && Skip('_');
        int? precision = Skip('.') ? Number() ?? throw new TemplateException("Format specifier missing precision") : null;
        char kind = at < spec.Length ? spec[at++] : '\0';
        if (at < spec.Length || width > WidestField || precision > WidestField) throw new TemplateException($"Invalid format specifier '{spec}'");

        string text;
        if (value is string or SafeText or null || !PythonOperators.IsNumber(value))
        {
            if (kind is not ('s' or '\0')) throw new TemplateException($"Unknown format code '{kind}' for object of type '{PythonText.TypeName(value)}'");
            text = PythonText.Str(value);
            if (precision is { } most) text = string.Concat(text.EnumerateRunes().Take(most).Select(rune => rune.ToString()));
            return Align(text, "", fill, align == '\0' ? '<' : align, width);
        }
        text = Digits(value, kind, precision, alternate);
        string minus = text.StartsWith('-') ? "-" : sign is '+' or ' ' ? sign.ToString() : "";
        text = text.TrimStart('-');
        if (commas || underscores) text = Group(text, commas ? ',' : '_');
        return Align(text, minus, fill, align == '\0' ? '>' : align, width);

        bool Skip(char c)
        {
            if (at >= spec.Length || spec[at] != c) return false;
            at++;
            return true;
        }

        int? Number()
        {
            int start = at;
            while (at < spec.Length && char.IsAsciiDigit(spec[at])) at++;
            if (at == start) return null;
            return int.TryParse(spec.AsSpan(start, at - start), out int number) ? number : throw new TemplateException("Too many decimal digits in format string");
        }
    }

    private static string Digits(object? value, char kind, int? precision, bool alternate)
    {
        if (kind is '\0' && value is bool) kind = 'd';
        if (kind is 'd' or 'x' or 'X' or 'o' or 'b' or 'c' || (kind == '\0' && value is BigInteger))
        {
            if (value is double) throw new TemplateException($"Unknown format code '{kind}' for object of type 'float'");
            BigInteger number = PythonOperators.ToInteger(value), size = BigInteger.Abs(number);
            if (kind == 'c') return char.ConvertFromUtf32((int)size);
            string digits = kind switch
            {
                'x' or 'X' => Radix(size, 16),
                'o' => Radix(size, 8),
                'b' => Radix(size, 2),
                _ => size.ToString(CultureInfo.InvariantCulture),
            };
            if (alternate && kind is not ('d' or '\0')) digits = $"0{kind}" + digits;
            return (number.Sign < 0 ? "-" : "") + (kind == 'X' ? digits.ToUpperInvariant() : digits);
        }
        double real = PythonOperators.ToDouble(value);
        switch (kind)
        {
            case 'f' or 'F': return PythonNumbers.Fixed(real, precision ?? 6);
            case '%': return PythonNumbers.Fixed(real * 100, precision ?? 6) + "%";
            case 'e' or 'E':
                string scientific = Exponent(real, precision ?? 6);
                return kind == 'E' ? scientific.ToUpperInvariant() : scientific;
            case 'g' or 'G' or '\0':
                if (kind == '\0' && precision == null) return PythonText.Float(real);
                return General(real, Math.Max(1, precision ?? 6), alternate);
            default: throw new TemplateException($"Unknown format code '{kind}' for object of type '{PythonText.TypeName(value)}'");
        }
    }

    private static string Exponent(double value, int precision) => value.ToString((precision > 0 ? "0." + new string('0', precision) : "0") + "e+00", CultureInfo.InvariantCulture);

    private static string General(double value, int precision, bool keepZeros)
    {
        if (value == 0) return "0";
        string scientific = value.ToString("E" + (precision - 1), CultureInfo.InvariantCulture);
        int exponent = int.Parse(scientific.AsSpan(scientific.IndexOf('E') + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        bool fixedPoint = exponent >= -4 && exponent < precision;
        string text = fixedPoint ? value.ToString("F" + Math.Max(0, precision - 1 - exponent), CultureInfo.InvariantCulture) : Exponent(value, precision - 1);
        if (keepZeros) return text;
        int mark = text.IndexOf('e');
        string mantissa = mark < 0 ? text : text[..mark], rest = mark < 0 ? "" : text[mark..];
        return (mantissa.Contains('.', StringComparison.Ordinal) ? mantissa.TrimEnd('0').TrimEnd('.') : mantissa) + rest;
    }

    private static string Radix(BigInteger value, int radix)
    {
        if (value.IsZero) return "0";
        var digits = new StringBuilder();
        for (; !value.IsZero; value /= radix) digits.Insert(0, "0123456789abcdef"[(int)(value % radix)]);
        return digits.ToString();
    }

    private static string Group(string text, char separator)
    {
        int point = text.IndexOf('.', StringComparison.Ordinal), whole = point < 0 ? text.Length : point;
        var result = new StringBuilder(text);
        for (int i = whole - 3; i > 0; i -= 3) result.Insert(i, separator);
        return result.ToString();
    }

    private static string Align(string text, string sign, string fill, char align, int width)
    {
        int missing = Math.Max(0, width - sign.Length - text.EnumerateRunes().Count());
        string Fill(int count) => string.Concat(Enumerable.Repeat(fill, count));
        return align switch
        {
            '<' => sign + text + Fill(missing),
            '^' => Fill(missing / 2) + sign + text + Fill(missing - missing / 2),
            '=' => sign + Fill(missing) + text,
            _ => Fill(missing) + sign + text,
        };
    }
}
