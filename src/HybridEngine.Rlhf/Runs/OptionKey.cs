using System.Globalization;
using System.Reflection;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary>One key of a configuration record: its name, type, limits, and how its value is read and written.</summary>
internal sealed class OptionKey
{
    private readonly PropertyInfo _property;

    private OptionKey(PropertyInfo property, OptionAttribute attribute) => (_property, Attribute, Name) = (property, attribute, Snake(property.Name));

    public string Name { get; }

    public OptionAttribute Attribute { get; }

    public Type Type => _property.PropertyType;

    /// <summary>All keys of a record: those of its base first, in the order of the source.</summary>
    public static IReadOnlyList<OptionKey> Of(Type record)
    {
        List<Type> chain = [];
        for (Type? t = record; t is not null && t != typeof(object); t = t.BaseType) { chain.Insert(0, t); }
        return [.. chain.SelectMany(t => t.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(p => p.GetCustomAttribute<OptionAttribute>() is not null).Select(p => new OptionKey(p, p.GetCustomAttribute<OptionAttribute>()!))];
    }

    public object? Get(object record) => _property.GetValue(record);

    /// <summary>Reads a JSON value into the record.</summary>
    /// <exception cref="InvalidInputException">Wrong type, or outside the limits.</exception>
    public void Set(object record, JsonElement value, string source)
    {
        string where = $"{source}: {Name}";
        object? parsed = Parse(value, where);
        Check(parsed, value, where);
        _property.SetValue(record, parsed);
    }

    /// <summary>The value as JSON.</summary>
    public string ToJson(object record) => Get(record) switch
    {
        null => "null",
        bool b => b ? "true" : "false",
        string s => JsonSerializer.Serialize(s),
        double d => d.ToString("R", CultureInfo.InvariantCulture),
        IReadOnlyList<DataSource> list => DataSource.ToJson(list),
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        object other => JsonSerializer.Serialize(other.ToString()),
    };

    /// <summary>What is expected, for messages, help and the schema.</summary>
    public string Expected()
    {
        if (Attribute.Choices.Length > 0) { return Attribute.Choices.Replace(",", ", ", StringComparison.Ordinal); }
        string kind = Type == typeof(bool) ? "true or false" : Type == typeof(int) || Type == typeof(long) ? "a whole number" : Type == typeof(double) ? "a number" : Type == typeof(string) ? "a text"
            : "a path, or a list of {\"path\", \"weight\"}";
        string min = double.IsNegativeInfinity(Attribute.Min) ? "" : string.Create(CultureInfo.InvariantCulture, $" {(Attribute.AboveMin ? "above" : "of at least")} {Attribute.Min:R}");
        string max = double.IsPositiveInfinity(Attribute.Max) ? "" : string.Create(CultureInfo.InvariantCulture, $"{(min.Length > 0 ? " and" : "")} of at most {Attribute.Max:R}");
        return kind + min + max;
    }

    private object? Parse(JsonElement value, string where)
    {
        bool number = value.ValueKind == JsonValueKind.Number;
        if (Type == typeof(bool) && value.ValueKind is JsonValueKind.True or JsonValueKind.False) { return value.GetBoolean(); }
        if (Type == typeof(int) && number && value.TryGetInt32(out int i)) { return i; }
        if (Type == typeof(long) && number && value.TryGetInt64(out long l)) { return l; }
        if (Type == typeof(double) && number && double.IsFinite(value.GetDouble())) { return value.GetDouble(); }
        if (Type == typeof(string) && value.ValueKind == JsonValueKind.String) { return value.GetString(); }
        if (Type == typeof(string) && value.ValueKind == JsonValueKind.Null) { return ""; }
        if (Type == typeof(IReadOnlyList<DataSource>)) { return DataSource.Parse(value, where); }
        throw Wrong(value, where);
    }

    private void Check(object? parsed, JsonElement value, string where)
    {
        if (parsed is string s && Attribute.Choices.Length > 0 && !Attribute.Choices.Split(',').Contains(s, StringComparer.Ordinal)) { throw Wrong(value, where); }
        if (parsed is not (int or long or double)) { return; }
        double x = Convert.ToDouble(parsed, CultureInfo.InvariantCulture);
        if (x < Attribute.Min || (x == Attribute.Min && Attribute.AboveMin) || x > Attribute.Max) { throw Wrong(value, where); }
    }

    private InvalidInputException Wrong(JsonElement value, string where)
    {
        string raw = value.GetRawText();
        return new InvalidInputException(where, raw.Length <= 60 ? raw : raw[..57] + "...", Expected());
    }

    private static string Snake(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) && i > 0 ? $"_{char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"));
}
