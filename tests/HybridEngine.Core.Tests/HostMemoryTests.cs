using Xunit;

namespace HybridEngine.Core.Tests;

/// <summary>Tests that read process-wide counters, and so run alone.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class RunsAlone;

[Collection("alone")]
public sealed class HostMemoryTests
{
    // From the C heap, and in large pages (on Linux).
    [Theory]
    [InlineData(1_000_003)]
    [InlineData(2 << 20)]
    [InlineData(5_000_003)]
    public void HostMemory_IsZeroAlignedAndCounted(int bytes)
    {
        // What other tests left behind must not be finalized in between.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = HostMemory.TotalAllocated;
        HostMemory memory = HostMemory.Allocate(bytes);
        Assert.Equal(0, memory.Address % 64);
        Assert.InRange(HostMemory.TotalAllocated - before, bytes, bytes + 100_000);
        Span<byte> all = new Tensor(memory, DType.UInt8, new Shape(bytes)).AsSpan<byte>();
        Assert.Equal(-1, all.IndexOfAnyExcept((byte)0));
        all.Fill(1);
        memory.Dispose();
        Assert.Equal(0, memory.Address);
    }
}
