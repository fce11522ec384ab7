namespace HybridEngine.Core;

/// <summary>Philox 4x32-10: a counter-based generator. The same key and counter give the same words on every backend, in any order.</summary>
/// <remarks>Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.</remarks>
public static class Philox
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    /// <summary>Four random words.</summary>
    /// <param name="key">Low word first.</param>
    /// <param name="c0">Counter word 0.</param>
    /// <param name="c1">Counter word 1.</param>
    /// <param name="c2">Counter word 2.</param>
    /// <param name="c3">Counter word 3.</param>
    public static (uint R0, uint R1, uint R2, uint R3) Words(ulong key, uint c0, uint c1, uint c2, uint c3)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)Multiplier0 * c0, p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>The uniform draw in [0, 1) of a sampled token: word 0 in steps of 2^-24.</summary>
    /// <param name="seed">The key.</param>
    /// <param name="request">Counter words 2 and 3.</param>
    /// <param name="choice">Counter word 1.</param>
    /// <param name="position">Counter word 0.</param>
    public static float Uniform(long seed, long request, int choice, int position)
    {
        (uint word, _, _, _) = Words((ulong)seed, (uint)position, (uint)choice, (uint)request, (uint)(request >> 32));
        return (word >> 8) * (1.0f / (1 << 24));
    }
}
