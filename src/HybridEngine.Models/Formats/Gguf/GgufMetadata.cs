using System.Collections;
using System.Diagnostics.CodeAnalysis;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A GGUF file's key-value pairs, in file order, with typed access. Values are .NET numbers, bool, string, or arrays of those.</summary>
[SuppressMessage("Naming", "CA1710:Identifiers should have correct suffix", Justification = "Metadata is what the format calls it.")]
public sealed class GgufMetadata : IReadOnlyDictionary<string, object>
{
    private readonly string _source;
    private readonly OrderedDictionary<string, object> _values = [];

    /// <param name="source">The file, as errors name it.</param>
    public GgufMetadata(string source) => _source = source;

    /// <summary>Number of pairs.</summary>
    public int Count => _values.Count;

    /// <summary>The value of a key.</summary>
    public object this[string key] { get => _values[key]; set => _values[key] = value; }

    /// <inheritdoc />
    public IEnumerable<string> Keys => _values.Keys;

    /// <inheritdoc />
    public IEnumerable<object> Values => _values.Values;

    /// <inheritdoc />
    public bool ContainsKey(string key) => _values.ContainsKey(key);

    /// <inheritdoc />
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out object value) => _values.TryGetValue(key, out value);

    /// <summary>Adds a pair; false when the key is there already.</summary>
    public bool Add(string key, object value) => _values.TryAdd(key, value);

    /// <summary>A string, or null when absent.</summary>
    public string? Text(string key) => Get<string>(key, "a string");

    /// <summary>An array of strings, or null when absent.</summary>
    public string[]? Texts(string key) => Get<string[]>(key, "an array of strings");

    /// <summary>true or false, or null when absent.</summary>
    public bool? Flag(string key) => _values.TryGetValue(key, out object? value) ? value as bool? ?? throw Wrong(key, value, "a boolean") : null;

    /// <summary>An integer of any width that fits 32 bits, or null when absent.</summary>
    public int? Integer(string key)
    {
        if (!_values.TryGetValue(key, out object? value)) { return null; }
        long? wide = value switch { byte v => v, sbyte v => v, ushort v => v, short v => v, uint v => v, int v => v, long v => v, ulong v and <= int.MaxValue => (long)v, _ => null };
        return wide is >= int.MinValue and <= int.MaxValue ? (int)wide : throw Wrong(key, value, "an integer of 32 bits");
    }

    /// <summary>A finite number of any kind, or null when absent.</summary>
    public double? Number(string key)
    {
        if (!_values.TryGetValue(key, out object? value)) { return null; }
        double? number = value switch { float v => v, double v => v, _ when value is not (bool or string or Array) => Convert.ToDouble(value, null), _ => null };
        return number is { } n && double.IsFinite(n) ? n : throw Wrong(key, value, "a finite number");
    }

    /// <summary>An array of 32-bit floats, or null when absent.</summary>
    public float[]? Numbers(string key) => Get<float[]>(key, "an array of float32");

    /// <summary>An array of integers (32 bits or narrower), or null when absent.</summary>
    public int[]? Integers(string key)
    {
        if (!_values.TryGetValue(key, out object? value)) { return null; }
        return value switch
        {
            int[] v => v,
            uint[] v => Array.ConvertAll(v, x => x <= int.MaxValue ? (int)x : throw Wrong(key, value, "integers of 31 bits")),
            ushort[] v => Array.ConvertAll(v, x => (int)x),
            short[] v => Array.ConvertAll(v, x => (int)x),
            sbyte[] v => Array.ConvertAll(v, x => (int)x),
            byte[] v => Array.ConvertAll(v, x => (int)x),
            bool[] v => Array.ConvertAll(v, x => x ? 1 : 0),
            _ => throw Wrong(key, value, "an array of integers"),
        };
    }

    /// <inheritdoc />
    public IEnumerator<KeyValuePair<string, object>> GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private T? Get<T>(string key, string expected) where T : class => _values.TryGetValue(key, out object? value) ? value as T ?? throw Wrong(key, value, expected) : null;

    private InvalidInputException Wrong(string key, object value, string expected)
        => new($"{_source}: metadata {key}", value is Array a ? $"an array of {a.Length} {value.GetType().GetElementType()!.Name}" : $"{value.GetType().Name} {value}", expected);
}
