using System.Runtime.InteropServices;
using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>IConversionKernels, against blocks written by llama.cpp's library and the gguf package (tests/golden/gguf).</summary>
public abstract class ConversionContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    public static TheoryData<DType> Types => [DType.BFloat16, DType.Float16, DType.Q8_0, DType.Q4_0, DType.Q4_1];

    [SkippableTheory, MemberData(nameof(Types))]
    public void Convert_RecordedSource_GivesTheRecordedBytes(DType dtype)
    {
        float[] source = Floats("source.f32");
        Assert.Equal(File.ReadAllBytes(RepoRoot.Golden("gguf", $"{Name(dtype)}.blocks")), Encode(Kernels, source, dtype));
    }

    [SkippableTheory, MemberData(nameof(Types))]
    public void Convert_RecordedBlocks_GivesTheRecordedValues(DType dtype)
    {
        byte[] blocks = File.ReadAllBytes(RepoRoot.Golden("gguf", $"{Name(dtype)}.blocks"));
        float[] expected = Floats($"{Name(dtype)}.f32");
        Compare.SameBits(expected, Decode(Kernels, blocks, dtype, expected.Length));
    }

    [SkippableTheory, MemberData(nameof(Types))]
    public void Convert_FreshInputs_GivesTheBytesOfReference(DType dtype)
    {
        foreach (int n in new[] { 0, 32, 64, 96, 544 })
        {
            foreach (double scale in new[] { 1e-6, 1, 1e4 })
            {
                float[] source = Random.Normal(n, scale);
                byte[] bytes = Encode(Kernels, source, dtype);
                Assert.Equal(Encode(Oracle, source, dtype), bytes);
                Compare.SameBits(Decode(Oracle, bytes, dtype, n), Decode(Kernels, bytes, dtype, n), Random);
            }
        }
    }

    [SkippableTheory, InlineData(1), InlineData(7), InlineData(15), InlineData(17), InlineData(33)]
    public void Convert_HalvesOfOddLength_RoundToNearestEven(int n)
    {
        // 1 + 2^-8 lies between two bfloat16 (ties to 1); 1 + 3 * 2^-8 ties upwards; likewise 2^-11 for float16.
        (float Value, ushort Brain, ushort Half)[] known =
        [
            (1, 0x3F80, 0x3C00), (1.00390625f, 0x3F80, 0x3C04), (1.01171875f, 0x3F82, 0x3C0C), (1.00048828125f, 0x3F80, 0x3C00), (1.00146484375f, 0x3F80, 0x3C02), (-0f, 0x8000, 0x8000),
            (float.PositiveInfinity, 0x7F80, 0x7C00), (65520, 0x4780, 0x7C00), (65519, 0x4780, 0x7BFF), (6e-8f, 0x3381, 0x0001), (2e-8f, 0x32AC, 0x0000), (float.MaxValue, 0x7F80, 0x7C00),
        ];
        float[] source = [.. Enumerable.Range(0, n).Select(i => known[i % known.Length].Value)];
        Assert.Equal(Enumerable.Range(0, n).Select(i => known[i % known.Length].Brain), MemoryMarshal.Cast<byte, ushort>(Encode(Kernels, source, DType.BFloat16)).ToArray());
        Assert.Equal(Enumerable.Range(0, n).Select(i => known[i % known.Length].Half), MemoryMarshal.Cast<byte, ushort>(Encode(Kernels, source, DType.Float16)).ToArray());
    }

    [SkippableTheory, InlineData(DType.BFloat16), InlineData(DType.Float16)]
    public void Convert_NaN_StaysNaN(DType dtype)
    {
        float[] source = [float.NaN, BitConverter.UInt32BitsToSingle(0x7F800001), BitConverter.UInt32BitsToSingle(0xFFFFFFFF), 1];
        float[] back = Decode(Kernels, Encode(Kernels, source, dtype), dtype, 4);
        Assert.All(back[..3], v => Assert.True(float.IsNaN(v)));
        Assert.Equal(1, back[3]);
    }

    [SkippableFact]
    public void Convert_AllHalves_SurviveTheRoundTrip()
    {
        ushort[] all = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        foreach (DType dtype in new[] { DType.BFloat16, DType.Float16 })
        {
            byte[] bytes = MemoryMarshal.AsBytes(all.AsSpan()).ToArray();
            float[] values = Decode(Kernels, bytes, dtype, all.Length);
            ushort[] back = MemoryMarshal.Cast<byte, ushort>(Encode(Kernels, values, dtype)).ToArray();
            for (int i = 0; i < all.Length; i++) { Assert.True(all[i] == back[i] || float.IsNaN(values[i]), $"{dtype} {all[i]:x4} became {back[i]:x4}"); }
        }
    }

    [SkippableFact]
    public void Convert_WrongArgument_IsRefusedByName()
    {
        Tensor f = Kernels.Allocate(DType.Float32, 64);
        Refuses("destination", () => Kernels.Convert(f, Kernels.Allocate(DType.BFloat16, 63)));
        Refuses("source", () => Kernels.Convert(Kernels.Allocate(DType.Int32, 64), f));
        Refuses("destination", () => Kernels.Convert(f, Kernels.Allocate(DType.Float64, 64)));
        Refuses("source", () => Kernels.Convert(Kernels.Allocate(DType.Float32, 4, 32).Slice(1, 0, 16), f));
    }

    private static string Name(DType dtype) => dtype switch { DType.BFloat16 => "BF16", DType.Float16 => "F16", _ => dtype.ToString() };

    private static float[] Floats(string file) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(RepoRoot.Golden("gguf", file))).ToArray();

    private static byte[] Encode(IKernels k, float[] source, DType dtype)
    {
        Tensor encoded = k.Allocate(dtype, source.Length);
        k.Convert(k.Floats(source), encoded);
        return k.Read<byte>(new Tensor(encoded.Memory!, DType.UInt8, new Shape(dtype.Bytes(source.Length))));
    }

    private static float[] Decode(IKernels k, byte[] bytes, DType dtype, int count)
    {
        Tensor encoded = k.Allocate(dtype, count), decoded = k.Allocate(DType.Float32, count);
        if (count > 0) { k.Upload<byte>(bytes, new Tensor(encoded.Memory!, DType.UInt8, new Shape(bytes.Length))); }
        k.Convert(encoded, decoded);
        return k.Read(decoded);
    }
}
