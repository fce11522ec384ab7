using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Inference.Tests;
using HybridEngine.Models;
using HybridEngine.Testing;
using HybridEngine.Training;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>One set of weights, two modes.</summary>
public sealed class HybridModelTests
{
    private static readonly string _llama = RepoRoot.Golden("models", "llama");

    public static TheoryData<string> AllBackends => [Backends.Reference, Backends.Cpu];

    [SkippableTheory]
    [MemberData(nameof(AllBackends))]
    public void Train_AfterARollout_ComputesTheRecordedLogProbs_AndAStepChangesTheNextRollout(string backend)
    {
        using HybridModel model = Open(backend);
        int[][] prompts = [[3, 4, 5], [9, 8, 7, 6, 5, 4, 3], [11]];
        SamplingOptions sampling = new() { Temperature = 0.7f, MaxTokens = 12, IgnoreEos = true };
        GenerationResult[] before = Rollout(model, prompts, sampling);
        int[][] sequences = [.. prompts.Select((p, i) => (int[])[.. p, .. before[i].TokenIds])];
        PackedBatch batch = PackedBatch.Pack(sequences);
        TokenSelection selection = TokenSelection.Completions(batch, [.. prompts.Select(p => p.Length)]);

        TrainableLanguageModel trainer = model.Train();
        TokenScores scores = trainer.TrainForward(batch, selection, 0.7f);
        Compare.SameBits([.. before.SelectMany(r => r.LogProbs)], scores.LogProbs);

        float[] gradient = new float[scores.LogProbs.Length];
        Array.Fill(gradient, -1f / gradient.Length);
        trainer.TrainBackward(gradient);
        Assert.True(trainer.Step(1e-2).Applied);

        GenerationResult[] after = Rollout(model, prompts, sampling);
        Assert.NotEqual(before[0].LogProbs, after[0].LogProbs);
        SequenceScores[] again = model.Score([.. prompts.Select((p, i) => (int[])[.. p, .. after[i].TokenIds])], new() { Temperature = 0.7f });
        for (int i = 0; i < prompts.Length; i++) { Compare.SameBits(after[i].LogProbs, again[i].LogProbs.AsSpan(prompts[i].Length - 1)); }
    }

    [Fact]
    public void Switch_NothingStepped_GeneratesTheSameBits()
    {
        using HybridModel model = Open(Backends.Reference);
        SamplingOptions sampling = new() { MaxTokens = 12, IgnoreEos = true };
        GenerationResult[] before = Rollout(model, [[3, 4, 5]], sampling);
        model.Train();
        GenerationResult[] after = Rollout(model, [[3, 4, 5]], sampling);
        Assert.Equal(before[0].TokenIds, after[0].TokenIds);
        Compare.SameBits(before[0].LogProbs, after[0].LogProbs);
    }

    [Fact]
    public void Train_WhileCompletionsRun_Refuses()
    {
        using HybridModel model = Open(Backends.Reference);
        GenerationEngine engine = model.Generator();
        Generation g = engine.Submit(new GenerationRequest { Prompt = [3], Sampling = new() { MaxTokens = 5 } });
        Assert.Throws<InvalidOperationException>(() => model.Train());
        engine.Cancel(g);
        model.Train();
    }

    [Fact]
    public void Train_WhileAPauseKeepsCompletions_TheyGoOnWithTheNewWeights()
    {
        using HybridModel model = Open(Backends.Reference);
        GenerationEngine engine = model.Generator();
        GenerationRequest request = new() { Prompt = [3, 4, 5], Sampling = new() { MaxTokens = 12, IgnoreEos = true } };
        Generation g = engine.Submit(request);
        for (int i = 0; i < 5; i++) { engine.Step(); }
        engine.Pause();
        TrainableLanguageModel trainer = model.Train();
        PackedBatch batch = PackedBatch.Pack([3, 4, 5, 6, 7]);
        trainer.TrainForward(batch, TokenSelection.NextTokens(batch));
        trainer.TrainBackward([-1, -1, -1, -1]);
        trainer.Step(1e-2);
        Assert.Throws<InvalidOperationException>(() => model.Generate([[3]]));
        model.Generator().Resume();
        engine.Run();
        GenerationResult r = g.Results()[0];
        Assert.Equal([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1], r.WeightVersions);
        Compare.SameBits(model.Score([[3, 4, 5, .. r.TokenIds]])[0].LogProbs.AsSpan(2 + 5), r.LogProbs.AsSpan(5));
    }

    [Fact]
    public void Generate_WithADraftModel_SameAnswers()
    {
        using HybridModel plain = Open(Backends.Reference), guessing = Open(Backends.Reference, new HybridOptions { Backend = Backends.Reference, DraftModel = _llama });
        SamplingOptions sampling = new() { MaxTokens = 30, IgnoreEos = true };
        GenerationResult[] expected = Rollout(plain, [[3, 4, 5], [9, 8]], sampling), actual = Rollout(guessing, [[3, 4, 5], [9, 8]], sampling);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(expected[i].TokenIds, actual[i].TokenIds);
            Compare.SameBits(expected[i].LogProbs, actual[i].LogProbs);
        }

        Assert.True(guessing.Generator().Statistics.AcceptedDrafts > 20);
    }

    [Fact]
    public void Save_AfterAStep_LoadsWithTheSameWeights()
    {
        string folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using HybridModel model = Open(Backends.Reference);
            TrainableLanguageModel trainer = model.Train();
            PackedBatch batch = PackedBatch.Pack([3, 4, 5, 6, 7]);
            trainer.TrainForward(batch, TokenSelection.NextTokens(batch));
            trainer.TrainBackward([-1, -1, -1, -1]);
            trainer.Step(1e-3);
            model.Save(folder);
            using HybridModel loaded = HybridModel.Load(folder, new HybridOptions { Backend = Backends.Reference });
            for (int i = 0; i < model.Decoder.Parameters.Count; i++) { Compare.SameBits(model.Decoder.Parameters[i].ToArray(), loaded.Decoder.Parameters[i].ToArray()); }
        }
        finally
        {
            if (Directory.Exists(folder)) { Directory.Delete(folder, recursive: true); }
        }
    }

    [Fact]
    public void Clone_AfterTheOriginalStepped_KeepsItsWeights()
    {
        using HybridModel model = Open(Backends.Reference);
        using HybridModel copy = model.Clone();
        float[] before = copy.Score([[3, 4, 5]])[0].LogProbs;
        TrainableLanguageModel trainer = model.Train();
        PackedBatch batch = PackedBatch.Pack([3, 4, 5, 6, 7]);
        trainer.TrainForward(batch, TokenSelection.NextTokens(batch));
        trainer.TrainBackward([-1, -1, -1, -1]);
        trainer.Step(1e-2);
        Compare.SameBits(before, copy.Score([[3, 4, 5]])[0].LogProbs);
        Assert.NotEqual(before, model.Score([[3, 4, 5]])[0].LogProbs);
    }

    [Theory]
    [InlineData("float16", 0)]
    [InlineData("int3", 0)]
    [InlineData("auto", -1)]
    public void Load_OptionsThatThisBuildLacks_SayWhich(string dtype, int threads) =>
        Assert.ThrowsAny<HybridEngineException>(() => HybridModel.Load(_llama, new HybridOptions { DType = dtype, Threads = threads }));

    [Fact]
    public void Load_NoSuchFolder_SaysSo() => Assert.Throws<InvalidInputException>(() => HybridModel.Load("/no/such/model"));

    [Fact]
    public void Generate_TextForAModelWithoutTokenizer_SaysSo()
    {
        using HybridModel model = Open(Backends.Reference);
        Assert.Null(model.Tokenizer);
        Assert.Throws<UnsupportedException>(() => model.Generate("x"));
    }

    internal static HybridModel Open(string backend, HybridOptions? options = null)
    {
        if (backend == Backends.Cpu) { Backend.Native2.Open().Dispose(); }
        return HybridModel.Load(_llama, options ?? new HybridOptions { Backend = backend });
    }

    internal static GenerationResult[] Rollout(HybridModel model, int[][] prompts, SamplingOptions sampling) => [.. model.Generate(prompts, sampling).Select(g => g.Results()[0])];
}
