using System.Text.Json;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>The real SmolLM2-135M-Instruct against transformers' recorded outputs.</summary>
[Collection("alone")]
public sealed class SmolLm2Tests
{
    [SkippableFact]
    public void Generate_AllCasesInOneBatch_TokensEqualWhereverTheMarginIsClear()
    {
        using HybridModel model = Open();
        JsonElement[] cases = [.. Expected().GetProperty("cases").EnumerateArray()];
        GenerationRequest[] requests =
        [
            .. cases.Select(c => new GenerationRequest
            {
                Prompt = Ids(c.GetProperty("input_ids")),
                Sampling = SamplingOptions.Greedy with { MaxTokens = c.GetProperty("greedy_ids").GetArrayLength() },
            }),
        ];
        GenerationResult[] results = [.. model.Generate(requests).Select(g => g.Results()[0])];
        for (int i = 0; i < cases.Length; i++)
        {
            int[] expected = Ids(cases[i].GetProperty("greedy_ids"));
            float[] logProbs = [.. cases[i].GetProperty("greedy_logprobs").EnumerateArray().Select(e => e.GetSingle())];
            double[] margins = [.. cases[i].GetProperty("margins").EnumerateArray().Select(e => e.GetDouble())];
            bool together = true;
            for (int t = 0; t < expected.Length && together; t++)
            {
                together = results[i].TokenIds[t] == expected[t];
                Assert.True(together || margins[t] <= 0.005, $"case {i}, token {t}: {results[i].TokenIds[t]}, expected {expected[t]} by {margins[t]}");
                if (together) { Assert.Equal(logProbs[t], results[i].LogProbs[t], 4e-3); }
            }

            if (together) { Assert.Equal(cases[i].GetProperty("greedy_text").GetString()!.Replace("<|im_end|>", "", StringComparison.Ordinal), results[i].Text); }
        }
    }

    [SkippableFact]
    public void EncodeChat_AQuestion_RendersAsTransformersDoes()
    {
        using HybridModel model = Open();
        JsonElement chat = Expected().GetProperty("cases").EnumerateArray().First(c => c.GetProperty("kind").GetString() == "chat");
        Assert.Equal(Ids(chat.GetProperty("input_ids")), model.EncodeChat([new ChatMessage("user", chat.GetProperty("text").GetString()!)]));
    }

    [SkippableTheory]
    [InlineData("tinystories_sample.txt")]
    [InlineData("tinyshakespeare.txt")]
    public void Score_WindowsOf512_MeanNllEqualsTransformers(string file)
    {
        Skip.If(Environment.GetEnvironmentVariable("HE_LONG_TESTS") != "1", "takes a minute: set HE_LONG_TESTS=1");
        string path = SharedData.Require("data", file);
        using HybridModel model = Open();
        JsonElement expected = Expected().GetProperty("perplexity").GetProperty(file);
        string text = File.ReadAllText(path)[..expected.GetProperty("characters_read").GetInt32()];
        int window = expected.GetProperty("window").GetInt32();
        int[] ids = model.Tokenizer!.Encode(text, addSpecialTokens: false);
        int[][] windows = [.. Enumerable.Range(0, expected.GetProperty("windows").GetInt32()).Select(w => ids[(w * window)..((w + 1) * window)])];
        float[] logProbs = [.. model.Score(windows).SelectMany(s => s.LogProbs)];
        Assert.Equal(expected.GetProperty("targets").GetInt32(), logProbs.Length);
        Assert.Equal(expected.GetProperty("mean_nll").GetDouble(), -logProbs.Average(p => (double)p), 1e-4);
    }

    private static HybridModel Open()
    {
        string path = SharedData.Require("models", "SmolLM2-135M-Instruct.Q4_1.gguf");
        Inference.Tests.BackendExtensions.Open(Inference.Tests.Backend.Native2).Dispose();
        return HybridModel.Load(path, new HybridOptions { Backend = Backends.Cpu });
    }

    private static JsonElement Expected() => JsonDocument.Parse(File.ReadAllText(SharedData.Require("golden", "smollm2", "expected.json"))).RootElement;

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetInt32())];
}
