using System.Runtime.InteropServices;
using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

public sealed class ElementCodecTests
{
    [Fact]
    public void Decode_EveryFloat16_AsTheRuntimeConverts()
    {
        ushort[] all = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        float[] decoded = new float[all.Length];
        StoredType.F16.Decode(MemoryMarshal.AsBytes(all.AsSpan()), decoded);

        for (int i = 0; i < all.Length; i++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf(all[i]);
            Assert.True(float.IsNaN(expected) ? float.IsNaN(decoded[i]) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(decoded[i]), $"{i:x4}: {decoded[i]}, expected {expected}");
        }
    }

    [Fact]
    public void Encode_Float16_AsTheRuntimeRounds()
    {
        float[] values = Samples(16);
        Half[] encoded = new Half[values.Length];
        StoredType.F16.Encode(values, MemoryMarshal.AsBytes(encoded.AsSpan()));

        for (int i = 0; i < values.Length; i++)
        {
            Half expected = (Half)values[i];
            Assert.True(Half.IsNaN(expected) ? Half.IsNaN(encoded[i]) : BitConverter.HalfToInt16Bits(expected) == BitConverter.HalfToInt16Bits(encoded[i]), $"{values[i]:r}: {encoded[i]}, expected {expected}");
        }
    }

    [Fact]
    public void Encode_BFloat16_NearestAndTiesToEven()
    {
        float[] values = Samples(17);
        ushort[] encoded = new ushort[values.Length];
        StoredType.BF16.Encode(values, MemoryMarshal.AsBytes(encoded.AsSpan()));

        for (int i = 0; i < values.Length; i++)
        {
            float back = BitConverter.UInt32BitsToSingle((uint)encoded[i] << 16);
            if (float.IsNaN(values[i]))
            {
                Assert.True(float.IsNaN(back));
                continue;
            }

            // Of the two neighbours the nearer, at a tie the even one; beyond the largest comes infinity.
            uint bits = BitConverter.SingleToUInt32Bits(values[i]), low = bits >> 16, rest = bits & 0xFFFF;
            uint expected = rest > 0x8000 || (rest == 0x8000 && (low & 1) == 1) ? low + 1 : low;
            Assert.Equal(expected, encoded[i]);
        }
    }

    [Theory]
    [InlineData("Q8_0")]
    [InlineData("Q4_0")]
    [InlineData("Q4_1")]
    [InlineData("Q5_0")]
    [InlineData("Q5_1")]
    public void Encode_BlockTypes_ErrorWithinHalfAStepOfTheBlock(string name)
    {
        StoredType type = StoredType.FromGgmlName(name)!;
        Random random = new(18);
        float[] values = new float[32 * 257];
        for (int i = 0; i < values.Length; i++) { values[i] = (random.NextSingle() - 0.5f) * MathF.Pow(10, i / 32 % 5 - 2); }
        byte[] bytes = new byte[type.Bytes(values.Length)!.Value];
        float[] decoded = new float[values.Length];
        type.Encode(values, bytes);
        type.Decode(bytes, decoded);

        for (int block = 0; block < values.Length; block += 32)
        {
            float[] x = values[block..(block + 32)];
            float most = x.Max(Math.Abs), range = x.Max() - x.Min();
            // The stored scale is a float16: it moves the farthest value by up to 2^-11 of itself. Q4_0 and Q5_0 cut their top value at one step less than the lowest.
            float bound = name switch
            {
                "Q8_0" => most / 127 * 0.5f + most / 1024,
                "Q4_0" => most / 8 + most / 1024,
                "Q5_0" => most / 16 + most / 1024,
                _ => range / (name == "Q4_1" ? 15 : 31) * 0.5f + (most + range) / 1024,
            };
            for (int i = 0; i < 32; i++) { Assert.True(Math.Abs(x[i] - decoded[block + i]) <= bound, $"{x[i]} became {decoded[block + i]}, bound {bound}"); }
        }
    }

    // Random bit patterns, and the edges where roundings go wrong.
    private static float[] Samples(int seed)
    {
        Random random = new(seed);
        List<float> values = [0, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.Epsilon, 65504, 65519.996f, 65520, 65536, 5.9604645e-8f, 2.9802322e-8f, 2.9802326e-8f, 6.1035156e-5f, 6.097555e-5f];
        for (int i = 0; i < 20_000; i++)
        {
            values.Add(BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)));
            values.Add((random.NextSingle() - 0.5f) * MathF.Pow(2, random.Next(-26, 18)));
        }

        return [.. values];
    }
}
