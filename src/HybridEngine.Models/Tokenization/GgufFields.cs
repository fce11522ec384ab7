using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Typed access to GGUF metadata; a value of the wrong kind is an error that names file and key.</summary>
internal sealed class GgufFields(IReadOnlyDictionary<string, object> metadata, string file)
{
    public string File => file;

    public string? Text(string key) => metadata.TryGetValue(key, out object? value) ? value as string ?? throw Wrong(key, Describe(value), "a text") : null;

    public bool? Flag(string key) => metadata.TryGetValue(key, out object? value) ? value as bool? ?? throw Wrong(key, Describe(value), "true or false") : null;

    public string[]? Texts(string key)
    {
        if (!metadata.TryGetValue(key, out object? value)) return null;
        string[] texts = value is IEnumerable<string> list ? [.. list] : throw Wrong(key, Describe(value), "texts");
        return texts.All(text => text != null) ? texts : throw Wrong(key, "a missing text", "texts");
    }

    public float[]? Floats(string key, int length) => Numbers<float>(key, length, "numbers", number => float.IsFinite(number.ToSingle(CultureInfo.InvariantCulture)) ? number.ToSingle(CultureInfo.InvariantCulture) : null);

    public int[]? Integers(string key, int length) => Numbers<int>(key, length, "whole numbers", number => number is float or double ? null : (int?)number.ToInt32(CultureInfo.InvariantCulture));

    /// <summary>Bytes, which writers give as signed or unsigned.</summary>
    public byte[]? Bytes(string key) => !metadata.TryGetValue(key, out object? value) ? null : value switch
    {
        byte[] bytes => bytes,
        sbyte[] signed => [.. signed.Select(number => unchecked((byte)number))],
        _ => throw Wrong(key, Describe(value), "bytes"),
    };

    /// <summary>A token id, or null where the key is absent. Some converters write -1 or 2^32 - 1 for "none".</summary>
    public int? TokenId(string key, int count)
    {
        if (!metadata.TryGetValue(key, out object? value)) return null;
        if (value is not (sbyte or byte or short or ushort or int or uint or long or ulong)) throw Wrong(key, Describe(value), "a token id");
        decimal id = ((IConvertible)value).ToDecimal(CultureInfo.InvariantCulture);
        if (id is -1 or uint.MaxValue) return null;
        return id >= 0 && id < count ? (int)id : throw Wrong(key, id.ToString(CultureInfo.InvariantCulture), $"a token id from 0 to {count - 1}");
    }

    public InvalidInputException Wrong(string key, string found, string expected) => new($"{file}, {key}", found, expected);

    public InvalidInputException Missing(string key, string expected) => Wrong(key, "nothing", expected);

    private T[]? Numbers<T>(string key, int length, string expected, Func<IConvertible, T?> convert) where T : struct
    {
        if (!metadata.TryGetValue(key, out object? value)) return null;
        if (value is not Array array || array.Length != length) throw Wrong(key, Describe(value), $"{length} {expected}");
        var numbers = new T[length];
        for (int i = 0; i < length; i++)
        {
            try
            {
                numbers[i] = array.GetValue(i) is IConvertible number and not string ? convert(number) ?? throw Wrong(key, $"{number} at {i}", expected) : throw Wrong(key, Describe(value), expected);
            }
            catch (OverflowException)
            {
                throw Wrong(key, $"{array.GetValue(i)} at {i}", expected);
            }
        }
        return numbers;
    }

    private static string Describe(object? value) => value switch
    {
        null => "nothing",
        Array array => $"an array of {array.Length} {array.GetType().GetElementType()?.Name}",
        _ => $"{value} ({value.GetType().Name})",
    };
}
