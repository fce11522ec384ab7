using System.Buffers.Binary;
using HybridEngine.Core;

namespace HybridEngine.Testing;

/// <summary>Blocks of a quantized type that no quantizer made: the float16 factors are of some size and of either sign, every other bit is random.</summary>
public static class RandomBlocks
{
    /// <summary>As many bytes as <paramref name="count"/> values of the type take.</summary>
    public static byte[] Of(DType dtype, long count, TestRandom random)
    {
        byte[] bytes = [.. random.Integers(dtype.Bytes(count), 0, 256).Select(b => (byte)b)];
        int size = dtype.BlockBytes();
        (int first, int factors) = dtype switch
        {
            DType.Q4_1 or DType.Q4_K or DType.Q5_K => (0, 2),
            DType.Q2_K => (80, 2),
            DType.Q3_K => (108, 1),
            DType.Q6_K => (208, 1),
            _ => (0, 1),
        };
        for (int block = 0; block < bytes.Length; block += size)
        {
            for (int f = 0; f < factors; f++) { BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(block + first + 2 * f), (Half)random.Uniform(1, -0.02, 0.02)[0]); }
        }

        return bytes;
    }
}
