using System.Numerics;
using System.Text;

namespace HybridEngine.Models;

/// <summary>Truth, equality, order, arithmetic and iteration as Python defines them.</summary>
internal static class PythonOperators
{
    // Results beyond these are attacks: nobody's prompt needs them.
    public const int LongestText = 1 << 22;
    private const int LongestNumber = 1 << 16;

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        BigInteger number => !number.IsZero,
        double number => number != 0,
        string text => text.Length > 0,
        SafeText safe => safe.Text.Length > 0,
        TemplateList list => list.Items.Count > 0,
        TemplateDict dict => dict.Count > 0,
        TemplateView view => view.Items.Count > 0,
        TemplateRange range => !range.Count.IsZero,
        _ => true,
    };

    public static new bool Equals(object? left, object? right) => Equal(left, right, 0);

    private static bool Equal(object? left, object? right, int depth)
    {
        if (depth > 100) throw new TemplateException("maximum recursion depth exceeded in comparison");
        // Values can share parts: a list of a few lines can have more leaves than there are atoms.
        TemplateInterpreter.Work(1);
        if (IsNumber(left) && IsNumber(right)) return left is double || right is double ? ToDouble(left) == ToDouble(right) : ToInteger(left) == ToInteger(right);
        return (left, right) switch
        {
            (null, null) => true,
            (Undefined, Undefined) => true,
            (string or SafeText, string or SafeText) => SameText(PythonText.Str(left), PythonText.Str(right)),
            (TemplateList a, TemplateList b) => a.IsTuple == b.IsTuple && a.Items.Count == b.Items.Count && a.Items.Zip(b.Items).All(pair => Equal(pair.First, pair.Second, depth + 1)),
            (TemplateDict a, TemplateDict b) => a.Count == b.Count && a.Items.All(item => b.TryGet(item.Key, out object? other) && Equal(item.Value, other, depth + 1)),
            (TemplateRange a, TemplateRange b) => a == b,
            _ => ReferenceEquals(left, right),
        };
    }

    private static bool SameText(string left, string right)
    {
        TemplateInterpreter.Work(Math.Min(left.Length, right.Length) / 256);
        return left == right;
    }

    /// <summary>Counts the work of looking for one text in another, which takes up to the product of their lengths.</summary>
    public static void Search(string text, string part) => TemplateInterpreter.Work(text.Length / 256 + ((long)text.Length * part.Length >> 14));

    /// <summary>Order of two values; an error where Python has none.</summary>
    public static int Compare(object? left, object? right, string sign)
    {
        if (IsNumber(left) && IsNumber(right)) return left is double || right is double ? ToDouble(left).CompareTo(ToDouble(right)) : ToInteger(left).CompareTo(ToInteger(right));
        TemplateInterpreter.Work(1);
        if (left is string or SafeText && right is string or SafeText) return CompareCodePoints(PythonText.Str(left), PythonText.Str(right));
        if (left is TemplateList a && right is TemplateList b && a.IsTuple == b.IsTuple)
        {
            for (int i = 0; i < Math.Min(a.Items.Count, b.Items.Count); i++)
            {
                TemplateInterpreter.Work(1);
                if (!Equals(a.Items[i], b.Items[i])) return Compare(a.Items[i], b.Items[i], sign);
            }
            return a.Items.Count.CompareTo(b.Items.Count);
        }
        Demand(left);
        Demand(right);
        throw new TemplateException($"'{sign}' not supported between instances of '{PythonText.TypeName(left)}' and '{PythonText.TypeName(right)}'");
    }

    public static bool Contains(object? container, object? item)
    {
        switch (container)
        {
            case string or SafeText:
                if (item is not (string or SafeText)) throw new TemplateException($"'in <string>' requires string as left operand, not {PythonText.TypeName(item)}");
                Search(PythonText.Str(container), PythonText.Str(item));
                return PythonText.Str(container).Contains(PythonText.Str(item), StringComparison.Ordinal);
            case TemplateDict dict: return dict.TryGet(item, out _);
            default: return Iterate(container).Any(other => Equals(other, item));
        }
    }

    /// <summary>The items of a value; an error where it has none.</summary>
    public static IEnumerable<object?> Iterate(object? value) => value switch
    {
        TemplateList list => list.Items,
        TemplateDict dict => dict.Items.Select(item => item.Key),
        TemplateView view => view.Items,
        TemplateGenerator generator => generator.Items,
        TemplateRange range => range.Walk(),
        TemplateGroup group => [group.Key, group.Members],
        string or SafeText => PythonText.Str(value).EnumerateRunes().Select(rune => (object?)rune.ToString()),
        Undefined => [],
        _ => throw new TemplateException($"'{PythonText.TypeName(value)}' object is not iterable"),
    };

    public static int Length(object? value) => value switch
    {
        string or SafeText => PythonText.Str(value).EnumerateRunes().Count(),
        TemplateList list => list.Items.Count,
        TemplateDict dict => dict.Count,
        TemplateView view => view.Items.Count,
        TemplateRange range => (int)BigInteger.Min(range.Count, int.MaxValue),
        TemplateGroup => 2,
        Undefined => 0,
        _ => throw new TemplateException($"object of type '{PythonText.TypeName(value)}' has no len()"),
    };

    public static object? Binary(string sign, object? left, object? right)
    {
        Demand(left);
        Demand(right);
        if (IsNumber(left) && IsNumber(right)) return left is double || right is double || sign == "/" ? Floats(sign, ToDouble(left), ToDouble(right), left, right) : Integers(sign, ToInteger(left), ToInteger(right));
        switch (sign)
        {
            case "+" when left is string or SafeText:
                if (right is not (string or SafeText)) throw new TemplateException($"can only concatenate str (not \"{PythonText.TypeName(right)}\") to str");
                return Concat([left, right]);
            case "+" when left is TemplateList a && right is TemplateList b && a.IsTuple == b.IsTuple:
                return Bounded([.. a.Items, .. b.Items], a.IsTuple);
            case "*" when IsInteger(right) && left is string or SafeText or TemplateList: return Repeat(left, ToInteger(right));
            case "*" when IsInteger(left) && right is string or SafeText or TemplateList: return Repeat(right, ToInteger(left));
            case "%" when left is string or SafeText: return PythonFormat.Percent(PythonText.Str(left), right);
            default: throw new TemplateException($"unsupported operand type(s) for {(sign == "**" ? "** or pow()" : sign)}: '{PythonText.TypeName(left)}' and '{PythonText.TypeName(right)}'");
        }
    }

    /// <summary>Joins texts; if one of them is marked safe, the others are escaped and so is the result.</summary>
    public static object Concat(IReadOnlyList<object?> parts)
    {
        if (!parts.Any(part => part is SafeText)) return Bounded(string.Concat(parts.Select(PythonText.Str)));
        return new SafeText(Bounded(string.Concat(parts.Select(part => part is SafeText safe ? safe.Text : Escape(PythonText.Str(part))))));
    }

    public static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal).Replace("'", "&#39;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal);

    public static object Negate(object? value) => value switch
    {
        double number => -number,
        _ when IsNumber(value) => -ToInteger(value),
        _ => throw new TemplateException($"bad operand type for unary -: '{PythonText.TypeName(Demand(value))}'"),
    };

    public static bool IsNumber(object? value) => value is BigInteger or double or bool;

    public static bool IsInteger(object? value) => value is BigInteger or bool;

    public static double ToDouble(object? value) => value switch { double number => number, BigInteger number => (double)number, bool flag => flag ? 1 : 0, _ => throw NotA("number", value) };

    public static BigInteger ToInteger(object? value) => value switch { BigInteger number => number, bool flag => flag ? 1 : 0, _ => throw NotA("integer", value) };

    /// <summary>An integer that counts or indexes something.</summary>
    public static int ToInt(object? value)
    {
        BigInteger number = ToInteger(value);
        return number >= int.MinValue && number <= int.MaxValue ? (int)number : throw new TemplateException($"the number {number} is too large to count with");
    }

    /// <summary>Passes a value on, unless it is undefined: then says what is missing.</summary>
    public static object? Demand(object? value) => value is Undefined missing ? throw new TemplateException(missing.Message) : value;

    /// <summary>Joins texts, stopping before the result gets too long to hold.</summary>
    public static string Join(string separator, IEnumerable<string> parts)
    {
        var result = new StringBuilder();
        bool first = true;
        foreach (string part in parts)
        {
            if (!first) result.Append(separator);
            first = false;
            result.Append(part);
            Check(result);
        }
        return result.ToString();
    }

    /// <summary>Stops a text that grows beyond what a prompt can be.</summary>
    public static void Check(StringBuilder text)
    {
        if (text.Length > LongestText) throw new TemplateException($"a text of more than {LongestText} characters");
    }

    public static string Bounded(string text) => text.Length <= LongestText ? text : throw new TemplateException($"a text of more than {LongestText} characters");

    private static TemplateList Bounded(List<object?> items, bool isTuple) => items.Count <= LongestText ? new TemplateList(items, isTuple) : throw new TemplateException($"a list of more than {LongestText} items");

    private static TemplateException NotA(string wanted, object? value)
    {
        Demand(value);
        return new TemplateException($"'{PythonText.TypeName(value)}' object cannot be interpreted as an {wanted}");
    }

    private static object Repeat(object? value, BigInteger count)
    {
        int length = value is TemplateList list ? list.Items.Count : PythonText.Str(value).Length;
        if (count.Sign <= 0 || length == 0) return value is TemplateList empty ? new TemplateList([], empty.IsTuple) : "";
        if (count * length > LongestText) throw new TemplateException($"a text or list of more than {LongestText} parts");
        int times = (int)count;
        if (value is TemplateList items) return new TemplateList([.. Enumerable.Repeat(items.Items, times).SelectMany(part => part)], items.IsTuple);
        string text = new StringBuilder(length * times).Insert(0, PythonText.Str(value), times).ToString();
        return value is SafeText ? new SafeText(text) : text;
    }

    private static object Integers(string sign, BigInteger left, BigInteger right)
    {
        long leftBits = left.GetBitLength(), rightBits = right.GetBitLength();
        if (Math.Max(leftBits, rightBits) > LongestNumber) throw TooLong();
        TemplateInterpreter.Work(leftBits * rightBits >> 12);
        switch (sign)
        {
            case "+": return left + right;
            case "-": return left - right;
            case "*":
                if (leftBits + rightBits > LongestNumber) throw TooLong();
                return left * right;
            case "//" or "%":
                if (right.IsZero) throw new TemplateException("integer division or modulo by zero");
                BigInteger quotient = BigInteger.DivRem(left, right, out BigInteger remainder);
                // Python floors: the remainder has the sign of the divisor.
                if (!remainder.IsZero && remainder.Sign != right.Sign) (quotient, remainder) = (quotient - 1, remainder + right);
                return sign == "//" ? quotient : remainder;
            default:
                if (right.Sign < 0) return Math.Pow((double)left, (double)right);
                if (!left.IsZero && !BigInteger.Abs(left).IsOne && right * left.GetBitLength() > LongestNumber) throw TooLong();
                return BigInteger.Abs(left).IsOne || left.IsZero ? SmallPower(left, right) : BigInteger.Pow(left, (int)right);
        }
    }

    private static BigInteger SmallPower(BigInteger left, BigInteger right) => right.IsZero ? 1 : left.Sign < 0 && right.IsEven ? 1 : left;

    private static TemplateException TooLong() => new($"an integer of more than {LongestNumber} bits");

    private static double Floats(string sign, double left, double right, object? first, object? second)
    {
        switch (sign)
        {
            case "+": return left + right;
            case "-": return left - right;
            case "*": return left * right;
            case "/": return right != 0 ? left / right : throw new TemplateException(first is double || second is double ? "float division by zero" : "division by zero");
            case "//": return right != 0 ? Math.Floor(left / right) : throw new TemplateException("float floor division by zero");
            case "%":
                if (right == 0) throw new TemplateException("float modulo");
                double remainder = left % right;
                return remainder != 0 && remainder < 0 != right < 0 ? remainder + right : remainder;
            default: return Math.Pow(left, right);
        }
    }

    private static int CompareCodePoints(string left, string right)
    {
        TemplateInterpreter.Work((left.Length + right.Length) / 32);
        if (!left.Any(char.IsSurrogate) && !right.Any(char.IsSurrogate)) return string.CompareOrdinal(left, right);
        return CodePoints.Of(left).AsSpan().SequenceCompareTo(CodePoints.Of(right));
    }
}
