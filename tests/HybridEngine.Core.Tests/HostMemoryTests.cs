using Xunit;

namespace HybridEngine.Core.Tests;

/// <summary>Tests that read process-wide counters, and so run alone.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class RunsAlone;

[Collection("alone")]
public sealed class HostMemoryTests
{
    [Fact]
    public void HostMemory_IsZeroAlignedAndCounted()
    {
        // What other tests left behind must not be finalized in between.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = HostMemory.TotalAllocated;
        HostMemory memory = HostMemory.Allocate(1_000_003);
        Assert.Equal(0, memory.Address % 64);
        Assert.InRange(HostMemory.TotalAllocated - before, 1_000_003, 1_100_000);
        Assert.All(new Tensor(memory, DType.UInt8, new Shape(1_000_003)).AsSpan<byte>().ToArray(), b => Assert.Equal(0, b));
        memory.Dispose();
        Assert.Equal(0, memory.Address);
    }
}
