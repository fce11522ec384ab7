using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace HybridEngine.Rlhf.Tests;

/// <summary>One family of recorded cases: <c>name.json</c> and <c>name.safetensors</c> of tests/golden/rlhf or, where that lacks it, of ../shared/golden/rlhf.</summary>
internal sealed class GoldenFamily
{
    private readonly byte[] _bytes;
    private readonly JsonElement _header;
    private readonly long _data;

    private GoldenFamily(string stem)
    {
        Document = JsonDocument.Parse(File.ReadAllText(stem + ".json")).RootElement;
        _bytes = File.ReadAllBytes(stem + ".safetensors");
        long length = BinaryPrimitives.ReadInt64LittleEndian(_bytes);
        _header = JsonDocument.Parse(_bytes.AsMemory(8, (int)length)).RootElement;
        _data = 8 + length;
    }

    public JsonElement Document { get; }

    public static string Root { get; } = FindRoot();

    public static string? Find(string name)
    {
        string local = Path.Combine(Root, "tests/golden/rlhf", name), shared = Path.Combine(Root, "../shared/golden/rlhf", name);
        return File.Exists(local + ".json") ? local : File.Exists(shared + ".json") ? shared : null;
    }

    public static GoldenFamily Open(string name) => new(Find(name) ?? throw new FileNotFoundException($"no golden family {name}"));

    public IEnumerable<GoldenCase> Cases(string algorithm)
    {
        int found = 0;
        foreach (JsonElement c in Document.GetProperty("cases").EnumerateArray())
        {
            if (c.GetProperty("algorithm").GetString() != algorithm) { continue; }
            found++;
            yield return new GoldenCase(this, c);
        }

        Assert.True(found > 0, $"no case of {algorithm}");
    }

    public bool Has(string key) => _header.TryGetProperty(key, out _);

    public double[] Doubles(string key)
    {
        (string type, ReadOnlySpan<byte> raw) = Raw(key);
        return type switch
        {
            "F64" => MemoryMarshal.Cast<byte, double>(raw).ToArray(),
            "F32" => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(raw).ToArray(), x => (double)x),
            "I64" => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(raw).ToArray(), x => (double)x),
            _ => throw new InvalidDataException(type),
        };
    }

    public float[] Floats(string key) => Array.ConvertAll(Doubles(key), x => (float)x);

    public int[] Ints(string key) => Array.ConvertAll(Doubles(key), x => (int)x);

    public int[] Shape(string key) => [.. _header.GetProperty(key).GetProperty("shape").EnumerateArray().Select(x => x.GetInt32())];

    public IEnumerable<string> Keys => _header.EnumerateObject().Select(x => x.Name).Where(x => x != "__metadata__");

    private (string Type, byte[] Raw) Raw(string key)
    {
        JsonElement e = _header.GetProperty(key);
        long a = e.GetProperty("data_offsets")[0].GetInt64(), b = e.GetProperty("data_offsets")[1].GetInt64();
        return (e.GetProperty("dtype").GetString()!, _bytes.AsSpan((int)(_data + a), (int)(b - a)).ToArray());
    }

    private static string FindRoot()
    {
        string? d = AppContext.BaseDirectory;
        while (d is not null && !File.Exists(Path.Combine(d, "HybridEngine.sln"))) { d = Path.GetDirectoryName(d); }
        return d ?? throw new DirectoryNotFoundException("repository root");
    }
}

/// <summary>One case with its inputs and expected results.</summary>
internal sealed class GoldenCase(GoldenFamily family, JsonElement json)
{
    public string Name { get; } = json.GetProperty("name").GetString()!;

    public string Batch { get; } = json.GetProperty("batch").GetString() ?? "";

    public bool HasParameter(string name) => json.GetProperty("params").TryGetProperty(name, out JsonElement e) && e.ValueKind is not JsonValueKind.Null;

    public double Parameter(string name, double missing = 0) => HasParameter(name) ? json.GetProperty("params").GetProperty(name).GetDouble() : missing;

    public bool Flag(string name) => HasParameter(name) && json.GetProperty("params").GetProperty(name).GetBoolean();

    public string Text(string name) => json.GetProperty("params").GetProperty(name).GetString()!;

    public double[] List(string name) => [.. json.GetProperty("params").GetProperty(name).EnumerateArray().Select(x => x.GetDouble())];

    public double[] ScalarList(string name) => [.. json.GetProperty("scalars").GetProperty(name).EnumerateArray().Select(x => x.GetDouble())];

    public float[] In(string name) => family.Floats($"in/{Batch}/{name}");

    public int[] InInts(string name) => family.Ints($"in/{Batch}/{name}");

    public int[] InShape(string name) => family.Shape($"in/{Batch}/{name}");

    public float[] Out(string name) => family.Floats($"out/{Name}/{name}");

    public bool HasOut(string name) => family.Has($"out/{Name}/{name}");

    public void CheckScalar(string name, double actual) => Close.Scalar(json.GetProperty("scalars").GetProperty(name).GetDouble(), actual, $"{Name} {name}");

    public void CheckArray(string name, ReadOnlySpan<float> actual) => Close.Array(family.Doubles($"out/{Name}/{name}"), actual, $"{Name} {name}");
}

/// <summary>The comparison rules of the recorded data; not-a-number never passes.</summary>
internal static class Close
{
    public static void Scalar(double expected, double actual, string what) =>
        Assert.True(Math.Abs(actual - expected) <= 1e-5 * Math.Abs(expected) + 1e-6, $"{what}: expected {expected}, actual {actual}");

    public static void Array(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.True(expected.Length == actual.Length, $"{what}: expected {expected.Length} values, actual {actual.Length}");
        double scale = 1e-3;
        foreach (double y in expected) { scale = Math.Max(scale, Math.Abs(y)); }
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(actual[i] - expected[i]) <= 1e-5 * scale, $"{what}[{i}]: expected {expected[i]}, actual {actual[i]}");
        }
    }
}
