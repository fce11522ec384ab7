using System.Diagnostics;
using System.Reflection;

namespace HybridEngine.Training.Tests;

/// <summary>A decode step asks nobody for memory. Counts of the whole process, so nothing else may run.</summary>
[Collection("alone")]
public sealed class AllocationTests
{
    private static readonly int[] _prompt = [5, 1, 9, 9, 2, 7, 3];

    [SkippableFact]
    public void Decode_NativeAfterWarmUp_AllocatesNoManagedMemory()
    {
        Skip.If(typeof(DecoderForward).Assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true }, "a Debug build puts spans of literals on the heap; run with -c Release");
        using IKernels kernels = Backends.Open("native");
        using Models.Decoder decoder = TinyModels.Create(kernels, "head-norms");
        using PagedSession session = new(decoder, 64);
        session.Append(_prompt);

        // The first calls run unoptimised code, which may box: warm up until the runtime has compiled it again.
        long allocated = long.MaxValue;
        for (int round = 0; round < 100 && allocated > 0; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            session.Step(3, times: 50);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated > 0) { Thread.Sleep(20); }
        }

        Assert.Equal(0, allocated);
    }

    [SkippableTheory, ClassData(typeof(EveryBackend))]
    public void Decode_AfterWarmUp_AllocatesNothing(string backend)
    {
        using IKernels kernels = Backends.Open(backend);
        using Models.Decoder decoder = TinyModels.Create(kernels, "head-norms");
        using PagedSession session = new(decoder, 100);
        session.Append(_prompt);
        session.Append([3]);
        // Tensors that other tests left behind may still be finalized, so the total may fall.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long inUse = session.BytesInUse, allocated = HostMemory.TotalAllocated;
        for (int i = 0; i < 20; i++) { session.Append([i]); }
        Assert.Equal(0, inUse);
        Assert.Equal(0, session.BytesInUse);
        Assert.InRange(HostMemory.TotalAllocated, 0, allocated);
    }
}

/// <summary>Tests that read process-wide counters, and so run alone.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class RunsAlone;
