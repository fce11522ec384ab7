using Xunit;

namespace HybridEngine.Core.Tests;

public sealed class PhiloxTests
{
    // Known answers of Random123 (kat_vectors, philox4x32 10).
    [Theory]
    [InlineData(0ul, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(ulong.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x299f31d0a4093822ul, 0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Words_PublishedCounters_GiveThePublishedWords(ulong key, uint c0, uint c1, uint c2, uint c3, uint r0, uint r1, uint r2, uint r3) =>
        Assert.Equal((r0, r1, r2, r3), Philox.Words(key, c0, c1, c2, c3));

    [Fact]
    public void Uniform_PlacesItsArgumentsInTheCounter()
    {
        (uint word, _, _, _) = Philox.Words(0x299f31d0a4093822, 0x243f6a88, 0x05a308d3, 0x13198a2e, 0x03707344);
        Assert.Equal((word >> 8) / 16777216.0, Philox.Uniform(0x299f31d0a4093822, 0x0370734413198a2e, 0x05a308d3, 0x243f6a88));
    }

    [Fact]
    public void Uniform_ManyDraws_FillTheUnitIntervalEvenly()
    {
        int[] bins = new int[16];
        for (int position = 0; position < 16000; position++)
        {
            float u = Philox.Uniform(seed: 5, request: 1, choice: 0, position);
            Assert.InRange(u, 0, MathF.BitDecrement(1));
            bins[(int)(u * 16)]++;
        }

        // Chi-square of 15 degrees of freedom exceeds 56 once in a million; the seed is fixed.
        Assert.True(bins.Sum(n => (n - 1000.0) * (n - 1000.0) / 1000) < 56, string.Join(" ", bins));
    }
}
