using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

public sealed class CacheMemoryTests
{
    [SkippableTheory]
    [InlineData(Backend.Reference)]
    [InlineData(Backend.Native2)]
    public void Provide_MoreRequestsComeWhileOneRuns_TheCacheGrowsAndKeepsWhatItHolds(Backend backend)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, (ulong)seed);
        using GenerationEngine engine = new(decoder);
        List<(GenerationRequest Request, Generation Generation)> all = [];
        long bytes = 0;
        int growths = 0;
        for (int i = 0; i < 12; i++)
        {
            GenerationRequest request = new() { Prompt = Requests.Prompt(random, 30), RequestId = i, Sampling = new() { MaxTokens = 60, IgnoreEos = true } };
            all.Add((request, engine.Submit(request)));
            engine.Step();
            growths += engine.CacheBytes > bytes ? 1 : 0;
            bytes = engine.CacheBytes;
        }

        engine.Run();
        Assert.True(growths > 2, $"the cache grew {growths} times");
        Assert.Equal(0, engine.Statistics.Preemptions);
        foreach ((GenerationRequest request, Generation generation) in all) { Answers.Same(Requests.Alone(decoder, request)[0], generation.Results()[0], whole: true, $"seed {seed}, request {request.RequestId}"); }
    }

    [Fact]
    public void Provide_BudgetInBytes_IsNeverExceeded()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels);
        long block = KvCache.BlockBytes(kernels, decoder.Config, 16);
        using GenerationEngine engine = new(decoder, new EngineOptions { MaxCacheBytes = 6 * block + block / 2 });
        Assert.Equal("prompt", Assert.Throws<InvalidInputException>(() => engine.Submit(new() { Prompt = new int[90], Sampling = new() { MaxTokens = 7 } })).Input);
        for (int i = 0; i < 5; i++) { engine.Submit(new() { Prompt = Requests.Prompt(new Random(i), 20), Sampling = new() { MaxTokens = 70, IgnoreEos = true } }); }
        while (engine.Step()) { Assert.InRange(engine.CacheBytes, 1, 6 * block); }
        Assert.True(engine.Statistics.Preemptions > 0);
    }

    [SkippableTheory]
    [InlineData(Backend.Reference)]
    [InlineData(Backend.Native1)]
    public void Grow_RandomContent_EveryBlockStaysItself(Backend backend)
    {
        using IKernels kernels = backend.Open();
        using KvCache cache = new(kernels, TinyModel.Config(), 3, 16);
        float[][] before = [.. Enumerable.Range(0, 2).Select(l => Fill(kernels, cache[l].Keys, l)), .. Enumerable.Range(0, 2).Select(l => Fill(kernels, cache[l].Values, 10 + l))];
        cache.Grow(8);
        Assert.Equal(8, cache.Blocks);
        for (int l = 0; l < 2; l++)
        {
            Assert.Equal(before[l], Read(kernels, cache[l].Keys)[..before[l].Length]);
            Assert.Equal(before[2 + l], Read(kernels, cache[l].Values)[..before[2 + l].Length]);
        }
    }

    private static float[] Fill(IKernels kernels, Tensor tensor, int seed)
    {
        Random random = new(seed);
        float[] values = [.. Enumerable.Range(0, (int)tensor.Count).Select(_ => random.NextSingle())];
        kernels.Upload<float>(values, tensor);
        return values;
    }

    private static float[] Read(IKernels kernels, Tensor tensor)
    {
        float[] values = new float[tensor.Count];
        kernels.Download(tensor, values.AsSpan());
        return values;
    }
}
