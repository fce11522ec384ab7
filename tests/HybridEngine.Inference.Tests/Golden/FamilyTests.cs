using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>One tiny model of every family (golden/models) through the engine: transformers' greedy tokens, and rollouts whose log-probabilities are those of the training forward.</summary>
public sealed class FamilyTests
{
    private static readonly string[] _models =
    [
        "opt", "opt-350m-style", "gpt2", "gpt-neox", "gpt-neo", "gptj", "bloom", "llama", "llama3-rope-tied", "llama-linear-rope-bias", "mistral", "qwen2", "qwen2-yarn", "qwen3",
        "gemma", "gemma2", "gemma3", "phi", "phi3", "olmo2", "smollm3", "mixtral", "qwen3-moe",
    ];

    public static TheoryData<Backend, string> Cases()
    {
        TheoryData<Backend, string> cases = [];
        foreach (string model in _models)
        {
            cases.Add(Backend.Reference, model);
            cases.Add(Backend.Native2, model);
        }

        return cases;
    }

    [SkippableTheory, MemberData(nameof(Cases))]
    public void Generate_RecordedPromptsTogether_GreedyTokensOfTransformers(Backend backend, string model)
    {
        string folder = Folder(model);
        using IKernels kernels = backend.Open();
        using ModelFiles files = ModelFiles.Open(folder);
        using Decoder decoder = Decoder.Load(kernels, files);
        using GenerationEngine engine = new(decoder, new EngineOptions { CacheBlocks = 14, MaxContext = 64, MaxSequences = 4, MaxBatchTokens = 19 });
        (int[][] prompts, int[][] tokens) = Recorded(folder);
        Generation[] runs = [.. prompts.Select((p, i) => engine.Submit(new GenerationRequest
        {
            Prompt = p, RequestId = i, Sampling = new SamplingOptions { Temperature = 0, MaxTokens = tokens[i].Length, IgnoreEos = true },
        }))];
        engine.Run();
        for (int i = 0; i < runs.Length; i++) { Assert.Equal(tokens[i], runs[i].Results()[0].TokenIds); }
    }

    // On the reference backend, which does every row alone, one model of each wiring is enough.
    public static TheoryData<Backend, string> SampledCases()
    {
        TheoryData<Backend, string> cases = [];
        foreach (string model in _models) { cases.Add(Backend.Native2, model); }
        foreach (string model in (string[])["opt-350m-style", "bloom", "gpt-neox", "gemma2", "mixtral"]) { cases.Add(Backend.Reference, model); }
        return cases;
    }

    [SkippableTheory, MemberData(nameof(SampledCases))]
    public void Generate_Sampled_LogProbsAreThoseOfThePackedForward(Backend backend, string model)
    {
        string folder = Folder(model);
        using IKernels kernels = backend.Open();
        using ModelFiles files = ModelFiles.Open(folder);
        using Decoder decoder = Decoder.Load(kernels, files);
        using GenerationEngine engine = new(decoder, new EngineOptions { CacheBlocks = 14, MaxContext = 64, MaxSequences = 4, MaxBatchTokens = 19 });
        (int[][] prompts, _) = Recorded(folder);
        Generation[] runs = [.. prompts.Select((p, i) => engine.Submit(new GenerationRequest
        {
            Prompt = p, RequestId = i, Sampling = new SamplingOptions { Temperature = 0.8f, MaxTokens = 30, IgnoreEos = true, Seed = Random.Shared.Next() },
        }))];
        engine.Run();
        int[][] sequences = [.. runs.Select(r => (int[])[.. r.Request.Prompt, .. r.Results()[0].TokenIds])];
        using Scorer scorer = new(decoder);
        SequenceScores[] scores = scorer.Score(sequences, new ScoringOptions { Temperature = 0.8f });
        for (int i = 0; i < runs.Length; i++)
        {
            float[] recorded = runs[i].Results()[0].LogProbs, scored = scores[i].LogProbs[(prompts[i].Length - 1)..];
            Assert.Equal(recorded.Select(BitConverter.SingleToInt32Bits), scored.Select(BitConverter.SingleToInt32Bits));
        }
    }

    private static string Folder(string model) => SharedData.Require("golden", "models", model);

    private static (int[][] Prompts, int[][] Tokens) Recorded(string folder)
    {
        using Models.SafetensorsFile expected = Models.SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        JsonElement greedy = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "expected.json"))).RootElement.GetProperty("greedy_tokens");
        return ([.. Enumerable.Range(0, 4).Select(i => Array.ConvertAll(expected[$"input_ids.{i}"].ToInt64Array(), id => (int)id))],
            [.. greedy.EnumerateArray().Select(run => run.EnumerateArray().Select(t => t.GetInt32()).ToArray())]);
    }
}
