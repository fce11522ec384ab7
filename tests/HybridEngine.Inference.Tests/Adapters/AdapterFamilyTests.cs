using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>Adapters of every family: beside the weights as in them, and the same bits in any company.</summary>
public sealed class AdapterFamilyTests
{
    public static TheoryData<string> Families =>
    [
        "bloom", "gemma", "gemma2", "gemma3", "gpt-neo", "gpt-neox", "gpt2", "gptj", "llama", "llama-linear-rope-bias", "llama3-rope-tied", "mistral", "mixtral", "olmo2", "opt", "opt-350m-style",
        "phi", "phi3", "qwen2", "qwen2-yarn", "qwen3", "qwen3-moe", "smollm3",
    ];

    private readonly TestRandom _random = new();

    [SkippableTheory, MemberData(nameof(Families))]
    public void Score_RandomAdapter_AgreesWithTheMergedModelAndDoesNotKnowItsNeighbours(string family)
    {
        using ModelFiles files = ModelFiles.Open(SharedData.Require("golden", "models", family));
        using IKernels kernels = Backend.Native2.Open();
        using Decoder decoder = Decoder.Load(kernels, files);
        using AdapterSet adapters = new(decoder);
        LoraWeights[] weights = [RandomAdapter.Create(decoder, _random, tableAndHead: true), RandomAdapter.Create(decoder, _random)];
        LoraAdapter[] loaded = [adapters.Add("a", weights[0]), adapters.Add("b", weights[1])];
        int[] Ids() => _random.Integers(_random.Integer(2, 30), 3, files.Config.VocabularySize);
        ScoringInput[] inputs = [.. Enumerable.Range(0, 9).Select(i => new ScoringInput(Ids(), i % 3 == 2 ? null : loaded[i % 3]))];
        ScoringOptions options = new() { Entropy = true };
        using Scorer scorer = new(decoder);
        SequenceScores[] together = scorer.Score(inputs, options);
        for (int i = 0; i < inputs.Length; i++)
        {
            SequenceScores alone = scorer.Score([inputs[i]], options)[0];
            Compare.SameBits(alone.LogProbs, together[i].LogProbs, $"{family}, {_random}");
            Compare.SameBits(alone.Entropies, together[i].Entropies, $"{family}, {_random}");
        }

        for (int a = 0; a < weights.Length; a++)
        {
            MergedModel merged = new(files, files.Config, files.Bindings, weights[a]);
            using Decoder inside = Decoder.Load(kernels, merged.Config, merged.Bindings, merged);
            using Scorer oracle = new(inside);
            for (int i = a; i < inputs.Length; i += 3) { Compare.Close(oracle.Score([inputs[i].Tokens])[0].LogProbs, together[i].LogProbs, 1e-3, 1e-3, $"{family}, adapter {a}, {_random}"); }
        }
    }
}
