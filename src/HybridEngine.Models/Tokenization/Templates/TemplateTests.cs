using System.Numerics;

namespace HybridEngine.Models;

/// <summary>Jinja's tests: what may stand after <c>is</c>.</summary>
internal static class TemplateTests
{
    private static readonly Dictionary<string, Func<object?, CallArguments, bool>> Known = new(StringComparer.Ordinal)
    {
        ["defined"] = (value, _) => value is not Undefined,
        ["undefined"] = (value, _) => value is Undefined,
        ["none"] = (value, _) => value is null,
        ["boolean"] = (value, _) => value is bool,
        ["true"] = (value, _) => value is true,
        ["false"] = (value, _) => value is false,
        ["integer"] = (value, _) => value is BigInteger,
        ["float"] = (value, _) => value is double,
        ["number"] = (value, _) => PythonOperators.IsNumber(value),
        ["string"] = (value, _) => value is string or SafeText,
        ["mapping"] = (value, _) => value is TemplateDict,
        ["sequence"] = (value, _) => value is string or SafeText or TemplateList or TemplateDict or TemplateRange or TemplateGroup or Undefined,
        ["iterable"] = (value, _) => value is string or SafeText or TemplateList or TemplateDict or TemplateRange or TemplateGroup or TemplateView or TemplateGenerator or TemplateLoop or Undefined,
        ["callable"] = (value, _) => value is TemplateFunction or TemplateObject or Undefined,
        ["odd"] = (value, _) => PythonOperators.Equals(PythonOperators.Binary("%", value, (BigInteger)2), (BigInteger)1),
        ["even"] = (value, _) => PythonOperators.Equals(PythonOperators.Binary("%", value, (BigInteger)2), (BigInteger)0),
        ["divisibleby"] = (value, arguments) => PythonOperators.Equals(PythonOperators.Binary("%", value, arguments.Get(0, "num")), (BigInteger)0),
        ["lower"] = (value, _) => TextMethods.IsLower(PythonText.Str(value)),
        ["upper"] = (value, _) => TextMethods.IsUpper(PythonText.Str(value)),
        ["sameas"] = (value, arguments) => IsSame(value, arguments.Get(0, "other")),
        ["escaped"] = (value, _) => value is SafeText,
        ["filter"] = (value, _) => TemplateFilters.Find(PythonText.Str(value)) != null,
        ["test"] = (value, _) => Find(PythonText.Str(value)) != null,
        ["in"] = Comparison("in"),
    };

    static TemplateTests()
    {
        foreach ((string sign, string[] names) in new (string, string[])[] { ("==", ["eq", "equalto"]), ("!=", ["ne"]), ("<", ["lt", "lessthan"]), ("<=", ["le"]), (">", ["gt", "greaterthan"]), (">=", ["ge"]) })
        {
            foreach (string name in names.Append(sign)) Known[name] = Comparison(sign);
        }
    }

    public static Func<object?, CallArguments, bool>? Find(string name) => Known.GetValueOrDefault(name);

    private static Func<object?, CallArguments, bool> Comparison(string sign) => (value, arguments) => TemplateInterpreter.IsSo(sign, value, arguments.Get(0, "other"));

    private static bool IsSame(object? left, object? right) => (left, right) switch
    {
        (null, null) => true,
        (bool a, bool b) => a == b,
        (BigInteger a, BigInteger b) => a == b,
        (string a, string b) => a == b,
        _ => ReferenceEquals(left, right),
    };
}
