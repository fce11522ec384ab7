using System.Globalization;
using System.Numerics;
using System.Text;

namespace HybridEngine.Models;

/// <summary>The functions that every chat template may call, as transformers and Jinja define them.</summary>
internal static class TemplateGlobals
{
    // Jinja's sandbox has the same bound.
    private const int LongestRange = 100_000;

    private static readonly string[] Days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    private static readonly string[] Months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

    public static TemplateScope Create(DateTime now)
    {
        var scope = new TemplateScope(null);
        Add("range", Range);
        Add("namespace", MakeNamespace);
        Add("dict", MakeDict);
        Add("raise_exception", arguments => throw new TemplateException(PythonText.Str(arguments.Get(0, "message")), raisedByTemplate: true));
        Add("strftime_now", arguments => Time(now, PythonText.Str(arguments.Get(0, "format"))));
        Add("cycler", arguments => new Cycler(arguments.Positional));
        Add("joiner", arguments => new Joiner(PythonText.Str(arguments.Get(0, "sep", ", "))));
        Add("lipsum", _ => "Lorem ipsum dolor sit amet.");
        return scope;

        void Add(string name, Func<CallArguments, object?> call) => scope[name] = new TemplateFunction(name, call);
    }

    private static TemplateRange Range(CallArguments arguments)
    {
        arguments.Check("range", 3);
        if (arguments.Count == 0) throw new TemplateException("range expected at least 1 argument, got 0");
        BigInteger[] bounds = [.. arguments.Positional.Select(PythonOperators.ToInteger)];
        TemplateRange range = bounds.Length == 1 ? new TemplateRange(0, bounds[0], 1) : new TemplateRange(bounds[0], bounds[1], bounds.Length > 2 ? bounds[2] : 1);
        if (range.Step.IsZero) throw new TemplateException("range() arg 3 must not be zero");
        return range.Count <= LongestRange ? range : throw new TemplateException($"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({LongestRange}).");
    }

    private static TemplateNamespace MakeNamespace(CallArguments arguments)
    {
        var space = new TemplateNamespace();
        foreach ((object? key, object? value) in MakeDict(arguments).Items) space.Values[PythonText.Str(key)] = value;
        return space;
    }

    private static TemplateDict MakeDict(CallArguments arguments)
    {
        arguments.Check("dict", 1, [.. arguments.Named.Select(argument => argument.Key)]);
        var dict = new TemplateDict();
        if (arguments.Positional.Count > 0)
        {
            if (arguments.Positional[0] is TemplateDict source) foreach ((object? key, object? value) in source.Items) dict[key] = value;
            else
            {
                foreach (object? item in PythonOperators.Iterate(PythonOperators.Demand(arguments.Positional[0])))
                {
                    object?[] pair = [.. PythonOperators.Iterate(item)];
                    if (pair.Length != 2) throw new TemplateException($"dictionary update sequence element has length {pair.Length}; 2 is required");
                    dict[pair[0]] = pair[1];
                }
            }
        }
        foreach ((string name, object? value) in arguments.Named) dict[name] = value;
        return dict;
    }

    /// <summary>C's strftime, in English.</summary>
    private static string Time(DateTime now, string format)
    {
        var result = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                result.Append(format[i]);
                continue;
            }
            bool bare = format[i + 1] == '-' && i + 2 < format.Length;
            char code = format[i += bare ? 2 : 1];
            string? text = Field(now, code);
            if (text == null) result.Append('%').Append(bare ? "-" : "").Append(code);
            else result.Append(bare && text.TrimStart('0') is { Length: > 0 } trimmed ? trimmed : bare && text.Length > 0 && text.All(c => c == '0') ? "0" : text);
        }
        return result.ToString();
    }

    private static string? Field(DateTime now, char code) => code switch
    {
        'Y' => now.Year.ToString("0000", CultureInfo.InvariantCulture),
        'y' => Two(now.Year % 100),
        'm' => Two(now.Month),
        'd' => Two(now.Day),
        'e' => now.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
        'H' => Two(now.Hour),
        'I' => Two((now.Hour + 11) % 12 + 1),
        'M' => Two(now.Minute),
        'S' => Two(now.Second),
        'f' => (now.Ticks % TimeSpan.TicksPerSecond / 10).ToString("000000", CultureInfo.InvariantCulture),
        'p' => now.Hour < 12 ? "AM" : "PM",
        'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
        'a' => Days[(int)now.DayOfWeek][..3],
        'A' => Days[(int)now.DayOfWeek],
        'b' or 'h' => Months[now.Month - 1][..3],
        'B' => Months[now.Month - 1],
        'w' => ((int)now.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'u' => (((int)now.DayOfWeek + 6) % 7 + 1).ToString(CultureInfo.InvariantCulture),
        'F' => $"{Field(now, 'Y')}-{Two(now.Month)}-{Two(now.Day)}",
        'T' => $"{Two(now.Hour)}:{Two(now.Minute)}:{Two(now.Second)}",
        'D' => $"{Two(now.Month)}/{Two(now.Day)}/{Two(now.Year % 100)}",
        'n' => "\n",
        't' => "\t",
        'Z' or 'z' => "",
        '%' => "%",
        _ => null,
    };

    private static string Two(int value) => value.ToString("00", CultureInfo.InvariantCulture);

    private sealed class Cycler(IReadOnlyList<object?> items) : TemplateObject
    {
        private int _at;

        public override string TypeName => "Cycler";

        public override bool TryMember(string name, out object? value)
        {
            if (items.Count == 0) throw new TemplateException("at least one item has to be provided");
            value = name switch
            {
                "current" => items[_at],
                "next" => new TemplateFunction("next", _ =>
                {
                    object? item = items[_at];
                    _at = (_at + 1) % items.Count;
                    return item;
                }),
                "reset" => new TemplateFunction("reset", _ =>
                {
                    _at = 0;
                    return null;
                }),
                _ => this,
            };
            return !ReferenceEquals(value, this);
        }
    }

    private sealed class Joiner(string separator) : TemplateObject
    {
        private bool _used;

        public override string TypeName => "Joiner";

        public override bool TryMember(string name, out object? value)
        {
            value = name == "sep" ? separator : null;
            return value != null;
        }

        public override object? Call(CallArguments arguments)
        {
            if (_used) return separator;
            _used = true;
            return "";
        }
    }
}
