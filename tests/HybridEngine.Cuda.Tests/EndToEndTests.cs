using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Testing;
using HybridEngine.Training;
using Xunit;

namespace HybridEngine.Cuda.Tests;

/// <summary>Whole models on the CUDA backend, in the emulator: generation, scores, gradients, steps.</summary>
public sealed class EndToEndTests
{
    public static TheoryData<string> Types => ["float32", "bfloat16"];

    public static TheoryData<string> Families => ["llama", "opt", "gpt2", "gpt-neox"];

    [SkippableTheory, MemberData(nameof(Types))]
    public void Train_AfterARollout_ComputesTheRecordedLogProbsBitForBit(string type)
    {
        using HybridModel model = Open("llama", "cuda", type);
        int[][] prompts = [[3, 4, 5], [9, 8, 7, 6, 5, 4, 3], [11]];
        SamplingOptions sampling = new() { Temperature = 0.7f, MaxTokens = 5, IgnoreEos = true };
        GenerationResult[] before = [.. model.Generate(prompts, sampling).Select(g => g.Results()[0])];
        PackedBatch batch = PackedBatch.Pack([.. prompts.Select((p, i) => (int[])[.. p, .. before[i].TokenIds])]);
        TrainableLanguageModel trainer = model.Train();
        TokenScores scores = trainer.TrainForward(batch, TokenSelection.Completions(batch, [.. prompts.Select(p => p.Length)]), 0.7f);
        Compare.SameBits([.. before.SelectMany(r => r.LogProbs)], scores.LogProbs);

        float[] gradient = new float[scores.LogProbs.Length];
        Array.Fill(gradient, -1f / gradient.Length);
        trainer.TrainBackward(gradient);
        Assert.True(trainer.Step(1e-2).Applied);
        GenerationResult[] after = [.. model.Generate(prompts, sampling).Select(g => g.Results()[0])];
        Assert.NotEqual(before[0].LogProbs, after[0].LogProbs);
        SequenceScores[] again = model.Score([.. prompts.Select((p, i) => (int[])[.. p, .. after[i].TokenIds])], new() { Temperature = 0.7f });
        for (int i = 0; i < prompts.Length; i++) { Compare.SameBits(after[i].LogProbs, again[i].LogProbs.AsSpan(prompts[i].Length - 1)); }
    }

    [SkippableTheory, MemberData(nameof(Families))]
    public void Score_EveryFamily_AgreesWithReference(string family)
    {
        int[][] sequences = [[3, 4, 5, 6, 7, 8, 9, 10, 11], [20, 19, 18]];
        using HybridModel cuda = Open(family, "cuda", "float32"), reference = Open(family, "reference", "float32");
        SequenceScores[] expected = reference.Score(sequences), actual = cuda.Score(sequences);
        for (int i = 0; i < sequences.Length; i++) { Compare.Close(expected[i].LogProbs, actual[i].LogProbs, 1e-4, 1e-5, family); }
    }

    private static HybridModel Open(string family, string backend, string type)
    {
        Skip.If(EmulatedDriver.WhyMissing is not null, EmulatedDriver.WhyMissing);
        return HybridModel.Load(RepoRoot.Golden("models", family), new HybridOptions { Backend = backend, DType = type, Engine = new EngineOptions { CacheBlocks = 16 } });
    }
}
