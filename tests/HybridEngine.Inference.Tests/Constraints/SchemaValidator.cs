using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace HybridEngine.Inference.Tests.Constraints;

/// <summary>JSON Schema checked the plain way, on a parsed document: the other side of what constraints claim.</summary>
internal static class SchemaValidator
{
    public static bool IsValid(JsonElement root, JsonElement schema, JsonElement data)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False) { return schema.ValueKind == JsonValueKind.True; }
        foreach (JsonProperty keyword in schema.EnumerateObject())
        {
            if (!Holds(root, schema, keyword.Name, keyword.Value, data)) { return false; }
        }

        return true;
    }

    private static bool Holds(JsonElement root, JsonElement schema, string keyword, JsonElement value, JsonElement data)
    {
        bool Valid(JsonElement part) => IsValid(root, part, data);
        int Count() => (int)value.GetDouble();
        switch (keyword)
        {
            case "type": return value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Any(type => IsOf(type.GetString()!, data)) : IsOf(value.GetString()!, data);
            case "enum": return value.EnumerateArray().Any(item => JsonElement.DeepEquals(item, data));
            case "const": return JsonElement.DeepEquals(value, data);
            case "$ref": return Valid(value.GetString()!.TrimStart('#').Split('/', StringSplitOptions.RemoveEmptyEntries).Aggregate(root, (at, name) => at.GetProperty(name)));
            case "allOf": return value.EnumerateArray().All(Valid);
            case "anyOf": return value.EnumerateArray().Any(Valid);
            case "oneOf": return value.EnumerateArray().Count(Valid) == 1;
            case "not": return !Valid(value);
            case "if": return Valid(value) ? !schema.TryGetProperty("then", out JsonElement then) || Valid(then) : !schema.TryGetProperty("else", out JsonElement otherwise) || Valid(otherwise);
        }

        return data.ValueKind switch
        {
            JsonValueKind.Number => Number(keyword, value, data),
            JsonValueKind.String => keyword switch
            {
                "minLength" => data.GetString()!.EnumerateRunes().Count() >= Count(),
                "maxLength" => data.GetString()!.EnumerateRunes().Count() <= Count(),
                "pattern" => Regex.IsMatch(data.GetString()!, value.GetString()!),
                "format" when value.GetString() == "date" => DateOnly.TryParseExact(data.GetString(), "yyyy-MM-dd", out _) || data.GetString()!.StartsWith("0000-", StringComparison.Ordinal),
                "format" when value.GetString() == "ipv4" => data.GetString()!.Split('.') is { Length: 4 } parts && parts.All(part => byte.TryParse(part, out _)),
                _ => true,
            },
            JsonValueKind.Array => Array(root, schema, keyword, value, data),
            JsonValueKind.Object => Object(root, schema, keyword, value, data),
            _ => true,
        };
    }

    private static bool IsOf(string type, JsonElement data) => (type, data.ValueKind) switch
    {
        ("null", JsonValueKind.Null) or ("boolean", JsonValueKind.True or JsonValueKind.False) or ("number", JsonValueKind.Number)
            or ("string", JsonValueKind.String) or ("array", JsonValueKind.Array) or ("object", JsonValueKind.Object) => true,
        ("integer", JsonValueKind.Number) => data.GetRawText().Split('.') is var parts && (parts.Length == 1 || parts[1].All(digit => digit == '0')),
        _ => false,
    };

    private static bool Number(string keyword, JsonElement value, JsonElement number) => keyword switch
    {
        "minimum" => Compare(number, value) >= 0,
        "maximum" => Compare(number, value) <= 0,
        "exclusiveMinimum" => Compare(number, value) > 0,
        "exclusiveMaximum" => Compare(number, value) < 0,
        "multipleOf" => Aligned(number, value) is var (n, divisor) && n % divisor == 0,
        _ => true,
    };

    private static int Compare(JsonElement number, JsonElement limit) => Aligned(number, limit) is var (a, b) ? a.CompareTo(b) : 0;

    // Both as whole numbers of one power of ten, exactly: a walk may write hundreds of digits. Limits have no exponent, and numbers under limits are written without one.
    private static (BigInteger, BigInteger) Aligned(JsonElement a, JsonElement b)
    {
        (BigInteger x, int xDecimals) = Digits(a.GetRawText());
        (BigInteger y, int yDecimals) = Digits(b.GetRawText());
        int decimals = Math.Max(xDecimals, yDecimals);
        return (x * BigInteger.Pow(10, decimals - xDecimals), y * BigInteger.Pow(10, decimals - yDecimals));
    }

    private static (BigInteger Digits, int Decimals) Digits(string text)
    {
        int point = text.IndexOf('.', StringComparison.Ordinal);
        return (BigInteger.Parse(text.Replace(".", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture), point < 0 ? 0 : text.Length - point - 1);
    }

    private static bool Array(JsonElement root, JsonElement schema, string keyword, JsonElement value, JsonElement data)
    {
        JsonElement[] items = [.. data.EnumerateArray()];
        int first = schema.TryGetProperty("prefixItems", out JsonElement prefix) ? prefix.GetArrayLength() : 0;
        int Limit(string name, int otherwise) => schema.TryGetProperty(name, out JsonElement count) ? count.GetInt32() : otherwise;
        return keyword switch
        {
            "items" => items.Skip(first).All(item => IsValid(root, value, item)),
            "prefixItems" => items.Zip(value.EnumerateArray()).All(pair => IsValid(root, pair.Second, pair.First)),
            "minItems" => items.Length >= value.GetInt32(),
            "maxItems" => items.Length <= value.GetInt32(),
            "contains" => items.Count(item => IsValid(root, value, item)) is var count && count >= Limit("minContains", 1) && count <= Limit("maxContains", int.MaxValue),
            _ => true,
        };
    }

    private static bool Object(JsonElement root, JsonElement schema, string keyword, JsonElement value, JsonElement data)
    {
        JsonProperty[] members = [.. data.EnumerateObject()];
        bool Named(string name) => schema.TryGetProperty("properties", out JsonElement named) && named.TryGetProperty(name, out _);
        bool Matched(string name) => schema.TryGetProperty("patternProperties", out JsonElement patterns) && patterns.EnumerateObject().Any(pattern => Regex.IsMatch(name, pattern.Name));
        return keyword switch
        {
            "properties" => members.All(member => !value.TryGetProperty(member.Name, out JsonElement part) || IsValid(root, part, member.Value)),
            "patternProperties" => members.All(member => value.EnumerateObject().All(pattern => !Regex.IsMatch(member.Name, pattern.Name) || IsValid(root, pattern.Value, member.Value))),
            "additionalProperties" => members.All(member => Named(member.Name) || Matched(member.Name) || IsValid(root, value, member.Value)),
            "required" => value.EnumerateArray().All(name => data.TryGetProperty(name.GetString()!, out _)),
            "minProperties" => members.Length >= value.GetInt32(),
            "maxProperties" => members.Length <= value.GetInt32(),
            "propertyNames" => members.All(member => IsValid(root, value, JsonSerializer.SerializeToElement(member.Name))),
            "dependentRequired" => value.EnumerateObject().All(rule => !data.TryGetProperty(rule.Name, out _) || rule.Value.EnumerateArray().All(name => data.TryGetProperty(name.GetString()!, out _))),
            _ => true,
        };
    }
}
