using System.Diagnostics;
using System.Reflection;
using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>The allocation gate of rollouts: a step of the engine that only continues sequences asks nobody for memory, managed or native.</summary>
public sealed class AllocationTests
{
    // Lists of a sequence double when they are full: between 35 and 60 new tokens, and 67 and 92 with the prompt, none is.
    private const int Sequences = 5, Prompt = 32, Lead = 35, Steps = 25;

    [SkippableFact]
    public void Step_ContinuingSequences_AllocatesNothing()
    {
        Skip.If(typeof(GenerationEngine).Assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true }, "a Debug build puts spans of literals on the heap; run with -c Release");
        using IKernels kernels = Backend.Native2.Open();
        using Decoder decoder = TinyModel.Create(kernels, 1);
        using GenerationEngine engine = new(decoder, new EngineOptions { MaxSequences = Sequences, MaxContext = 150, PrefixCache = false });

        // The first calls run unoptimised code, which may box: until the runtime has compiled it again.
        long managed = long.MaxValue, workspaces = long.MaxValue;
        for (int round = 0; round < 100 && (managed > 0 || workspaces > 0); round++)
        {
            for (int i = 0; i < Sequences; i++)
            {
                engine.Submit(new GenerationRequest { Prompt = [.. Enumerable.Range(i, Prompt)], RequestId = i, DecodeText = false, Sampling = new SamplingOptions { MaxTokens = Lead + Steps + 10, IgnoreEos = true, Seed = round } });
            }

            for (int s = 0; s < Lead; s++) { Assert.True(engine.Step()); }
            long held = engine.WorkspaceBytes + engine.CacheBytes, allocated = GC.GetAllocatedBytesForCurrentThread();     // in this order: the first two allocate
            for (int s = 0; s < Steps; s++) { engine.Step(); }
            managed = GC.GetAllocatedBytesForCurrentThread() - allocated;
            workspaces = engine.WorkspaceBytes + engine.CacheBytes - held;
            engine.Run();
            if (managed > 0) { Thread.Sleep(20); }
        }

        Assert.True(managed == 0, $"{managed} bytes in {Steps} steps");
        Assert.Equal(0, workspaces);
    }
}
