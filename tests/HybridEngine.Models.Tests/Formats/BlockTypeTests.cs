using System.Runtime.InteropServices;
using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Models.Tests;

/// <summary>Block types against blocks that llama.cpp's library wrote and the values that the gguf package reads from them.</summary>
public sealed class BlockTypeTests
{
    public static TheoryData<string> AllTypes =>
        ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4"];

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Decode_LlamaCppBlocks_SameBits(string name)
    {
        byte[] blocks = Bytes(name + ".blocks");
        float[] expected = Floats(name + ".f32"), decoded = new float[expected.Length];

        StoredType.FromGgmlName(name)!.Decode(blocks, decoded);

        Assert.Equal(expected.Select(BitConverter.SingleToInt32Bits), decoded.Select(BitConverter.SingleToInt32Bits));
    }

    [Theory]
    [InlineData("F16")]
    [InlineData("BF16")]
    [InlineData("Q8_0")]
    [InlineData("Q4_0")]
    [InlineData("Q4_1")]
    [InlineData("Q5_0")]
    [InlineData("Q5_1")]
    public void Encode_TypesWithOneRounding_SameBytesAsLlamaCpp(string name)
    {
        byte[] expected = Bytes(name + ".blocks"), encoded = new byte[expected.Length];

        StoredType.FromGgmlName(name)!.Encode(Floats("source.f32"), encoded);

        Assert.Equal(expected, encoded);
    }

    [Theory]
    [InlineData("Q4_K")]
    [InlineData("Q6_K")]
    public void Encode_KTypes_NoMoreErrorThanLlamaCpp(string name)
    {
        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(Golden.Local("gguf", "index.json")));
        double theirs = index.RootElement.GetProperty("types").GetProperty(name).GetProperty("rmse_to_source").GetDouble();
        float[] source = Floats("source.f32");

        double ours = RootMeanSquareError(source, RoundTrip(StoredType.FromGgmlName(name)!, source));

        Assert.True(ours <= theirs, $"{name}: RMSE {ours}, llama.cpp's {theirs}");
    }

    [Theory]
    // Bits per value: 4.5 against 4.5, 6.5625 against 6.
    [InlineData("Q4_K", "Q4_0", 0.85)]
    [InlineData("Q6_K", "Q5_1", 0.60)]
    public void Encode_KTypes_ClearlyBetterThanTheOlderTypeOfTheirSize(string name, string older, double ratio)
    {
        TestRandom random = new();
        float[] source = random.Normal(256 * 64, 0.02);

        double error = RootMeanSquareError(source, RoundTrip(StoredType.FromGgmlName(name)!, source)), reference = RootMeanSquareError(source, RoundTrip(StoredType.FromGgmlName(older)!, source));

        Assert.True(error <= ratio * reference, $"{name}: {error}, {older}: {reference}; {random}");
    }

    [Theory]
    [InlineData("Q4_K", 15)]
    [InlineData("Q6_K", 31)]
    public void Encode_KTypesOfEdgeCases_WithinAStepOfTheBlocksRange(string name, int steps)
    {
        TestRandom random = new();
        float[] normal = random.Normal(256);
        (string Case, float[] Values)[] cases =
        [
            ("zeros", new float[256]), ("negative zeros", Filled(_ => -0f)), ("one constant", Filled(_ => 3.7f)), ("a negative constant", Filled(_ => -3.7f)), ("all positive", Filled(i => Math.Abs(normal[i]) + 5)),
            ("all negative", Filled(i => -Math.Abs(normal[i]))), ("one outlier", Filled(i => i == 77 ? 1000 : normal[i])), ("subnormal", Filled(i => normal[i] * 1e-41f)), ("tiny", Filled(i => normal[i] * 1e-20f)),
            ("near the largest half", Filled(i => normal[i] > 0 ? 65504 : -65504)), ("one part of zeros", Filled(i => i < 32 ? 0 : normal[i])), ("a single value", Filled(i => i == 255 ? -1 : 0)), ("normal", normal),
        ];
        foreach ((string what, float[] x) in cases)
        {
            float[] y = RoundTrip(StoredType.FromGgmlName(name)!, x);
            // The float16 of a block's unit has a smallest value: below it everything becomes 0.
            float range = Math.Max(0, x.Max()) - Math.Min(0, x.Min()), bound = range / steps + 1e-5f;
            for (int i = 0; i < x.Length; i++) { Assert.True(Math.Abs(x[i] - y[i]) <= bound, $"{name}, {what}: {x[i]} became {y[i]}, bound {bound}; {random}"); }
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(70000f)]
    public void Write_BlockTypeOfValuesWithoutAScale_NamesTensorAndValue(float bad)
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        TensorToWrite tensor = new("blk.0.ffn_up.weight", StoredType.Q4_K, [2, 256], values => values[300] = bad);

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => GgufWriter.Write(path, new GgufMetadata(path), [tensor]));

        Assert.Contains("tensor blk.0.ffn_up.weight: found", error.Message, StringComparison.Ordinal);
        Assert.Contains("at 300", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void Write_Float16OfALargerValue_NamesTensorAndValue()
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        GgufWriter.Write(path, new GgufMetadata(path), [new TensorToWrite("a", StoredType.F16, [3], values => (values[0], values[1], values[2]) = (65504, float.PositiveInfinity, float.NaN))]);
        using (GgufFile file = GgufFile.Open(path)) { Assert.Equal([65504f, float.PositiveInfinity, float.NaN], file.Tensors["a"].ToArray()); }

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => GgufWriter.Write(path, new GgufMetadata(path), [new TensorToWrite("a", StoredType.F16, [2], values => values[1] = 1e6f)]));

        Assert.Contains("tensor a: found 1000000 at 1", error.Message, StringComparison.Ordinal);
    }

    private static float[] Filled(Func<int, float> value) => [.. Enumerable.Range(0, 256).Select(value)];

    private static float[] RoundTrip(StoredType type, float[] x)
    {
        byte[] bytes = new byte[type.Bytes(x.Length)!.Value];
        float[] y = new float[x.Length];
        type.Encode(x, bytes);
        type.Decode(bytes, y);
        return y;
    }

    private static double RootMeanSquareError(float[] x, float[] y) => Math.Sqrt(x.Zip(y).Average(p => Math.Pow((double)p.First - p.Second, 2)));

    private static byte[] Bytes(string name) => File.ReadAllBytes(Golden.Local("gguf", name));

    private static float[] Floats(string name) => MemoryMarshal.Cast<byte, float>(Bytes(name)).ToArray();
}
