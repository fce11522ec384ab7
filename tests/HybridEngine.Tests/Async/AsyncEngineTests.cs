using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Training;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>One engine, many callers.</summary>
public sealed class AsyncEngineTests : IClassFixture<AsyncEngineTests.Model>
{
    private readonly TalkingModel _model;

    public AsyncEngineTests(Model model) => _model = model.Folder;

    [Fact]
    public async Task GenerateAsync_ManyThreads_EachGetsTheAnswerOfItsRequestAlone()
    {
        GenerationRequest[] requests = [.. Enumerable.Range(0, 48).Select(i => new GenerationRequest { Prompt = [3 + i % 7, 5, 7 + i], RequestId = i, Choices = 1 + i % 3, Sampling = new() { MaxTokens = 3 + i % 11, Seed = i, IgnoreEos = true } })];
        int[][][] alone;
        using (HybridModel model = HybridModel.Load(_model.Folder, TalkingModel.Options)) { alone = [.. requests.Select(r => Ids(model.Generate([r])[0].Results()))]; }
        await using AsyncEngine engine = _model.Open(new AsyncEngineOptions { MaxPending = 5 });
        GenerationResult[][] together = await Task.WhenAll(requests.Select(r => Task.Run(() => engine.GenerateAsync(r))));
        for (int i = 0; i < requests.Length; i++) { Assert.Equal(alone[i], Ids(together[i])); }
        Assert.Equal(0, engine.Pending);
    }

    [Fact]
    public async Task ReadTokensAsync_WhileOthersRun_GivesEveryTokenInOrder()
    {
        await using AsyncEngine engine = _model.Open();
        Task<GenerationResult[]> other = engine.GenerateAsync(Long(1));
        await using AsyncGeneration generation = await engine.SubmitAsync(Long(2));
        List<int> read = [];
        await foreach (GeneratedToken t in generation.ReadTokensAsync()) { read.Add(t.Id); }
        Assert.Equal((await generation.Completion)[0].TokenIds, read);
        Assert.Equal(60, (await other)[0].TokenIds.Length);
    }

    [Fact]
    public async Task SubmitAsync_BeyondTheLimit_RefusesWithItsNumber()
    {
        await using AsyncEngine engine = _model.Open(new AsyncEngineOptions { MaxPending = 2, WhenFull = FullQueue.Refuse });
        using ManualResetEventSlim hold = new();
        Task<int> busy = engine.InvokeAsync(_ => { hold.Wait(); return 1; });
        AsyncGeneration second = await engine.SubmitAsync(Long(1));
        EngineBusyException e = await Assert.ThrowsAsync<EngineBusyException>(() => engine.SubmitAsync(Long(2)));
        Assert.Contains("2 requests", e.Message, StringComparison.Ordinal);
        hold.Set();
        Assert.Equal(1, await busy);
        await second.Completion;
        await engine.GenerateAsync(Long(3));
    }

    [Fact]
    public async Task SubmitAsync_BeyondTheLimit_WaitsUntilATokenIsCancelled()
    {
        await using AsyncEngine engine = _model.Open(new AsyncEngineOptions { MaxPending = 1 });
        using ManualResetEventSlim hold = new();
        Task<int> busy = engine.InvokeAsync(_ => { hold.Wait(); return 1; });
        using CancellationTokenSource stop = new();
        Task<AsyncGeneration> waiting = engine.SubmitAsync(Long(1), stop.Token);
        Assert.False(waiting.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        hold.Set();
        await busy;
        await engine.GenerateAsync(Long(2));
    }

    [Fact]
    public async Task Cancellation_OfARunningRequest_FreesItsBlocksAndLeavesTheOthers()
    {
        await using AsyncEngine engine = _model.Open();
        using CancellationTokenSource stop = new();
        AsyncGeneration cancelled = await engine.SubmitAsync(Long(1) with { OnToken = t => stop.Cancel() }, stop.Token);
        GenerationResult[] other = await engine.GenerateAsync(Long(2));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.Completion);
        Assert.Equal(60, other[0].TokenIds.Length);
        Assert.Equal(0, await engine.InvokeAsync(m => m.Generator().Load.Running + m.Generator().Load.Waiting));
        Assert.Equal(1, engine.Pending + 1);
    }

    [Fact]
    public async Task Dispose_OfAGenerationBeforeItsEnd_CancelsIt()
    {
        using ManualResetEventSlim firstToken = new();
        await using AsyncEngine engine = _model.Open();
        // The engine is held at the first token, so that the rest cannot have come when the reader leaves.
        AsyncGeneration generation = await engine.SubmitAsync(Long(1) with { OnToken = _ => firstToken.Wait() });
        await foreach (GeneratedToken _ in generation.ReadTokensAsync()) { break; }
        await generation.DisposeAsync();
        firstToken.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => generation.Completion);
        Assert.Equal(0, engine.Pending);
    }

    [Fact]
    public async Task SubmitAsync_RequestThatCannotRun_FailsAloneAndSaysWhy()
    {
        await using AsyncEngine engine = _model.Open();
        Task<GenerationResult[]> good = engine.GenerateAsync(Long(1));
        InvalidInputException e = await Assert.ThrowsAsync<InvalidInputException>(() => engine.GenerateAsync(Long(1) with { Prompt = [] }));
        Assert.Contains("prompt", e.Message, StringComparison.Ordinal);
        await good;
    }

    [Fact]
    public async Task OnToken_ThatThrows_EndsItsRequestAndNoOther()
    {
        await using AsyncEngine engine = _model.Open();
        Task<GenerationResult[]> good = engine.GenerateAsync(Long(1));
        await Assert.ThrowsAsync<FormatException>(() => engine.GenerateAsync(Long(2) with { OnToken = _ => throw new FormatException("mine") }));
        Assert.Equal(60, (await good)[0].TokenIds.Length);
        Assert.Equal(0, engine.Pending);
    }

    [Fact]
    public async Task InvokeAsync_ThatThrows_HandsItToTheCaller()
    {
        await using AsyncEngine engine = _model.Open();
        await Assert.ThrowsAsync<FormatException>(() => engine.InvokeAsync<int>(_ => throw new FormatException()));
        Assert.Single(await engine.InvokeAsync(m => m.Score([[3, 4, 5]])));
    }

    [Fact]
    public async Task InvokeAsync_ATrainingStepBetweenRequests_ChangesTheNextAnswers()
    {
        await using AsyncEngine engine = _model.Open();
        float[] before = (await engine.GenerateAsync(Long(1)))[0].LogProbs;
        await engine.InvokeAsync(m =>
        {
            TrainableLanguageModel trainer = m.Train();
            PackedBatch batch = PackedBatch.Pack([3, 4, 5, 6]);
            trainer.TrainForward(batch, TokenSelection.NextTokens(batch));
            trainer.TrainBackward([-1, -1, -1]);
            return trainer.Step(0.01).Applied;
        });
        Assert.NotEqual(before, (await engine.GenerateAsync(Long(1)))[0].LogProbs);
    }

    [Fact]
    public async Task DrainAsync_FinishesWhatIsThereAndTakesNoMore()
    {
        AsyncEngine engine = _model.Open();
        Task<GenerationResult[]>[] there = [.. Enumerable.Range(0, 4).Select(i => engine.GenerateAsync(Long(i)))];
        Task drained = engine.DrainAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.GenerateAsync(Long(9)));
        await drained;
        Assert.All(there, t => Assert.Equal(60, t.Result[0].TokenIds.Length));
        await engine.DisposeAsync();
    }

    [Fact]
    public async Task Dispose_WhileRequestsWaitAndRun_EndsThemAllAndTheThread()
    {
        AsyncEngine engine = _model.Open(new AsyncEngineOptions { MaxPending = 2 });
        Task<GenerationResult[]>[] all = [.. Enumerable.Range(0, 6).Select(i => engine.GenerateAsync(Long(i) with { Sampling = new() { MaxTokens = 400, IgnoreEos = true } }))];
        await engine.DisposeAsync();
        foreach (Task<GenerationResult[]> t in all) { await Assert.ThrowsAsync<ObjectDisposedException>(() => t); }
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.GenerateAsync(Long(1)));
        await engine.DisposeAsync();
    }

    [Fact]
    public async Task Pause_ThatKeeps_HoldsRequestsUntilResumed()
    {
        await using AsyncEngine engine = _model.Open();
        await engine.InvokeAsync(m => { m.Generator().Pause(PauseMode.Keep); return 0; });
        Task<GenerationResult[]> waiting = engine.GenerateAsync(Long(1));
        Assert.Equal(1, await engine.InvokeAsync(m => m.Generator().Load.Waiting));
        Assert.False(waiting.IsCompleted);
        await engine.InvokeAsync(m => { m.Generator().Resume(); return 0; });
        Assert.Equal(60, (await waiting)[0].TokenIds.Length);
    }

    [Theory, InlineData(0), InlineData(-3)]
    public void MaxPending_NotPositive_SaysSo(int pending)
    {
        using HybridModel model = HybridModel.Load(_model.Folder, TalkingModel.Options);
        Assert.Contains("max_pending", Assert.Throws<InvalidInputException>(() => new AsyncEngine(model, new AsyncEngineOptions { MaxPending = pending })).Message, StringComparison.Ordinal);
    }

    private static GenerationRequest Long(int id) => new() { Prompt = [3, 4, 5], RequestId = id, Sampling = new() { MaxTokens = 60, IgnoreEos = true } };

    private static int[][] Ids(GenerationResult[] results) => [.. results.Select(r => r.TokenIds)];

    public sealed class Model : IDisposable
    {
        public TalkingModel Folder { get; } = new(TalkingModel.ChatMl);

        public void Dispose() => Folder.Dispose();
    }
}
