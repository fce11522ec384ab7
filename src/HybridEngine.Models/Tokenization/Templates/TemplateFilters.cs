using System.Numerics;

namespace HybridEngine.Models;

/// <summary>A filter: who runs it, the value before the bar, the arguments.</summary>
internal delegate object? TemplateFilter(TemplateInterpreter interpreter, object? value, CallArguments arguments);

/// <summary>Jinja's filters by name; this file holds those on single values.</summary>
internal static class TemplateFilters
{
    private static readonly Dictionary<string, TemplateFilter> Known = new(StringComparer.Ordinal)
    {
        ["abs"] = (_, value, _) => PythonOperators.Demand(value) is double number ? Math.Abs(number) : BigInteger.Abs(PythonOperators.ToInteger(value)),
        ["attr"] = (_, value, arguments) => Attribute(value, PythonText.Str(arguments.Get(0, "name"))),
        ["default"] = Default,
        ["d"] = Default,
        ["float"] = (_, value, arguments) => PythonNumbers.TryFloat(value, out double number) ? number : arguments.Get(0, "default", 0.0),
        ["int"] = ToInt,
        ["round"] = Round,
        ["tojson"] = ToJson,
        ["string"] = (_, value, _) => value is SafeText ? value : PythonText.Str(value),
        ["safe"] = (_, value, _) => new SafeText(PythonText.Str(value)),
        ["escape"] = Escape,
        ["e"] = Escape,
        ["forceescape"] = (_, value, _) => new SafeText(PythonOperators.Escape(PythonText.Str(value))),
        ["pprint"] = (_, value, _) => PythonText.Repr(SortKeys(value)),
        ["filesizeformat"] = (_, value, arguments) => PythonNumbers.FileSize(value, PythonOperators.IsTrue(arguments.Get(0, "binary", false))),
        ["length"] = (_, value, _) => (BigInteger)PythonOperators.Length(value),
        ["count"] = (_, value, _) => (BigInteger)PythonOperators.Length(value),
    };

    static TemplateFilters()
    {
        SequenceFilters.AddTo(Known);
        TextFilters.AddTo(Known);
    }

    public static TemplateFilter? Find(string name) => Known.GetValueOrDefault(name);

    private static object? Default(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        bool falseToo = PythonOperators.IsTrue(arguments.Get(1, "boolean", false));
        return value is Undefined || (falseToo && !PythonOperators.IsTrue(value)) ? arguments.Get(0, "default_value", "") : value;
    }

    private static object? Attribute(object? value, string name) => value is TemplateDict
        ? TemplateMembers.Attribute(new TemplateDict(), name)
        : TemplateMembers.Attribute(value, name);

    private static object? ToInt(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        int radix = PythonOperators.ToInt(arguments.Get(1, "base", (BigInteger)10));
        if (value is string or SafeText && PythonNumbers.TryInteger(PythonText.Str(value), radix, out BigInteger number)) return number;
        if (PythonOperators.IsInteger(value)) return PythonOperators.ToInteger(value);
        return PythonNumbers.TryFloat(value, out double real) && double.IsFinite(real) ? new BigInteger(Math.Truncate(real)) : arguments.Get(0, "default", BigInteger.Zero);
    }

    private static object Round(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        int digits = PythonOperators.ToInt(arguments.Get(0, "precision", BigInteger.Zero));
        string method = PythonText.Str(arguments.Get(1, "method", "common"));
        if (Math.Abs(digits) > 400) throw new TemplateException($"cannot round to {digits} digits");
        if (method == "common") return PythonOperators.IsInteger(value) ? PythonNumbers.RoundInteger(PythonOperators.ToInteger(value), digits) : PythonNumbers.Round(PythonOperators.ToDouble(value), digits);
        double scale = Math.Pow(10, digits), scaled = PythonOperators.ToDouble(value) * scale;
        return method switch
        {
            "floor" => Math.Floor(scaled) / scale,
            "ceil" => Math.Ceiling(scaled) / scale,
            _ => throw new TemplateException("method must be common, ceil or floor"),
        };
    }

    /// <summary><c>json.dumps</c> as transformers calls it: no HTML escapes, and texts stay as they are unless <c>ensure_ascii</c>.</summary>
    private static string ToJson(TemplateInterpreter interpreter, object? value, CallArguments arguments)
    {
        arguments.Check("tojson", 4, "ensure_ascii", "indent", "separators", "sort_keys");
        object? indent = arguments.Get(1, "indent"), separators = arguments.Get(2, "separators");
        string? step = indent switch
        {
            null => null,
            string or SafeText => PythonText.Str(indent),
            _ => new string(' ', Math.Clamp(PythonOperators.ToInt(indent), 0, 64)),
        };
        string item = step == null ? ", " : ",", key = ": ";
        if (separators != null)
        {
            object?[] pair = [.. PythonOperators.Iterate(separators)];
            if (pair.Length != 2) throw new TemplateException("separators must be a pair");
            (item, key) = (PythonText.Str(pair[0]), PythonText.Str(pair[1]));
        }
        return new PythonJson(step, item, key, PythonOperators.IsTrue(arguments.Get(3, "sort_keys", false)), PythonOperators.IsTrue(arguments.Get(0, "ensure_ascii", false))).Write(value);
    }

    private static object? Escape(TemplateInterpreter interpreter, object? value, CallArguments arguments) =>
        value is SafeText ? value : new SafeText(PythonOperators.Escape(PythonText.Str(value)));

    /// <summary>A copy whose dictionaries are in order of their keys, as <c>pprint</c> shows them.</summary>
    private static object? SortKeys(object? value)
    {
        if (value is not TemplateDict dict) return value;
        var sorted = new TemplateDict();
        foreach ((object? key, object? item) in dict.Items.OrderBy(item => PythonText.Str(item.Key), StringComparer.Ordinal)) sorted[key] = item;
        return sorted;
    }
}
