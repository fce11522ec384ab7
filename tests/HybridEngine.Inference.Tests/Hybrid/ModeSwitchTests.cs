using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Training;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>Tests that read process-wide counters, and so run alone.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class RunsAlone;

[Collection("alone")]
public sealed class ModeSwitchTests
{
    [SkippableTheory]
    [InlineData(Backends.Reference, 0L)]
    [InlineData(Backends.Reference, long.MaxValue)]
    [InlineData(Backends.Cpu, 0L)]
    public void Switch_TwentyTimes_NoMemoryIsLost(string backend, long idleBytes)
    {
        using HybridModel model = HybridModelTests.Open(backend, new HybridOptions { Backend = backend, IdleBytes = idleBytes });
        int[][] prompts = [[3, 4, 5], [9, 8, 7]];
        long[] inGenerate = new long[20], allocated = new long[20];
        for (int i = 0; i < 20; i++)
        {
            HybridModelTests.Rollout(model, prompts, new SamplingOptions { MaxTokens = 8, IgnoreEos = true });
            if (idleBytes == 0 && i > 0) { Assert.True(model.LastSwitch.BytesAfter < model.LastSwitch.BytesBefore, "leaving Train gave nothing back"); }
            inGenerate[i] = model.Generator().CacheBytes;
            TrainableLanguageModel trainer = model.Train();
            Assert.Equal(HybridMode.Train, model.Mode);
            Assert.Equal(idleBytes == 0 ? 0 : inGenerate[i], CacheBytes(model));
            PackedBatch batch = PackedBatch.Pack([3, 4, 5, 6, 7]);
            trainer.TrainForward(batch, TokenSelection.NextTokens(batch));
            trainer.TrainBackward([-1, -1, -1, -1]);
            trainer.Step(0);
            allocated[i] = HostMemory.TotalAllocated;
        }

        Assert.True(allocated[1..].Max() <= allocated[1], $"bytes after each turn: {string.Join(' ', allocated)}");
        Assert.All(inGenerate, bytes => Assert.Equal(inGenerate[0], bytes));
        Assert.Equal(39, model.Switches.Count);
        Assert.True(model.Switches.Total > TimeSpan.Zero && model.Switches.Longest <= model.Switches.Total);
    }

    // Without entering the other mode.
    private static long CacheBytes(HybridModel model) =>
        ((GenerationEngine)typeof(HybridModel).GetField("_engine", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)!.GetValue(model)!).CacheBytes;
}
