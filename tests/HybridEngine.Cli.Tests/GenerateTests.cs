using System.Text.Json;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Cli.Tests;

public sealed class GenerateTests
{
    private static readonly JsonElement Expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(Cli.Llama, "expected.json"))).RootElement;

    private static string PromptIds(int prompt)
    {
        SafetensorsFile file = new(Path.Combine(Cli.Llama, "expected.safetensors"));
        return string.Join(',', file.Integers($"input_ids.{prompt}"));
    }

    private static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetInt32())];

    [Theory]
    [InlineData("auto")]
    [InlineData("reference")]
    public void Generate_Greedy_IsTransformersAnswer(string backend)
    {
        CliResult r = Cli.Run("generate", "--model", Cli.Llama, "--prompt-ids", PromptIds(1), "--temperature", "0", "--max-tokens", "24", "--ignore-eos", "--json", "--backend", backend);
        Assert.Equal(0, r.ExitCode);
        JsonElement choice = r.Json()[0].GetProperty("choices")[0];
        Assert.Equal(Ints(Expected.GetProperty("greedy_tokens")[1]), Ints(choice.GetProperty("token_ids")));
        Assert.Equal("length", choice.GetProperty("finish_reason").GetString());
        Assert.Equal(24, choice.GetProperty("logprobs").GetArrayLength());
    }

    [Fact]
    public void Generate_Lines_KeepOrderCopyKeysAndObeyTheirOwnSampling()
    {
        using Scratch scratch = new();
        string input = scratch.Write("in.jsonl", """
            {"prompt_token_ids": [5, 6, 7], "max_tokens": 9, "temperature": 0, "ignore_eos": true, "id": "a"}
            {"prompt_token_ids": [8], "max_tokens": 2, "n": 3, "ignore_eos": true, "logprobs": 2}
            """);
        JsonElement[] lines = Cli.Run("generate", "--model", Cli.Llama, "--input", input, "--json", "--timing").Json();
        Assert.Equal(3, lines.Length);
        Assert.Equal("a", lines[0].GetProperty("id").GetString());
        Assert.Equal(9, lines[0].GetProperty("choices")[0].GetProperty("token_ids").GetArrayLength());
        Assert.Equal(3, lines[1].GetProperty("choices").GetArrayLength());
        Assert.Equal(2, lines[1].GetProperty("choices")[2].GetProperty("top_logprobs")[1].GetArrayLength());
        Assert.Equal(15, lines[2].GetProperty("timing").GetProperty("new_tokens").GetInt32());
    }

    [Fact]
    public void Generate_SameSeed_SameOutput_AnotherSeed_Another()
    {
        string One(string seed) => Cli.Run("generate", "--model", Cli.Llama, "--prompt-ids", "5,6,7", "--ignore-eos", "--json", "--seed", seed).Output;
        Assert.Equal(One("3"), One("3"));
        Assert.NotEqual(One("3"), One("4"));
    }

    [Fact]
    public void LogProbs_AreThoseThatGenerateReported()
    {
        JsonElement choice = Cli.Run("generate", "--model", Cli.Llama, "--prompt-ids", "5,6,7", "--max-tokens", "12", "--ignore-eos", "--json").Json()[0].GetProperty("choices")[0];
        int[] ids = [5, 6, 7, .. Ints(choice.GetProperty("token_ids"))];
        JsonElement scored = Cli.Run("logprobs", "--model", Cli.Llama, "--ids", string.Join(',', ids), "--top", "3", "--json").Json()[0];
        // The texts of the numbers are compared: equal bits print equally.
        Assert.Equal(
            choice.GetProperty("logprobs").EnumerateArray().Select(e => e.GetRawText()),
            scored.GetProperty("logprobs").EnumerateArray().Skip(3).Select(e => e.GetRawText()));
        Assert.Equal(JsonValueKind.Null, scored.GetProperty("top")[0].ValueKind);
        Assert.Equal(3, scored.GetProperty("next_top").GetArrayLength());
    }

    [Theory]
    [InlineData("""{"prompt_token_ids": [5], "temperature": "warm"}""", "temperature")]
    [InlineData("""{"prompt_token_ids": [5], "mirostat": 2}""", "mirostat")]
    [InlineData("""{"prompt_token_ids": [99999]}""", "99999")]
    [InlineData("""{"prompt_token_ids": []}""", "prompt")]
    [InlineData("""{"prompt_token_ids": [5], "max_tokens": 100000}""", "100000")]
    [InlineData("""{"question": "?"}""", "question")]
    [InlineData("""{"prompt_token_ids": [5], "prompt": "x"}""", "prompt")]
    [InlineData("[1]", "in.jsonl:1")]
    [InlineData("{", "in.jsonl:1")]
    public void Generate_BadLine_IsOneLineThatNamesIt(string line, string named)
    {
        using Scratch scratch = new();
        CliResult r = Cli.Run("generate", "--model", Cli.Llama, "--input", scratch.Write("in.jsonl", line), "--json");
        Assert.Equal(1, r.ExitCode);
        Assert.Empty(r.Output);
        Assert.Contains(named, r.ErrorLine, StringComparison.Ordinal);
        Assert.DoesNotContain("internal defect", r.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_And_Convert_RoundTrip()
    {
        using Scratch scratch = new();
        string gguf = scratch.At("model.gguf");
        Assert.Equal(0, Cli.Run("convert", Cli.Llama, gguf, "--json").ExitCode);
        JsonElement found = Cli.Run("inspect", gguf, "--json").Json()[0];
        Assert.True(found.GetProperty("supported").GetBoolean());
        string Greedy(string model) => Cli.Run("generate", "--model", model, "--prompt-ids", "5,6,7", "--temperature", "0", "--ignore-eos", "--json").Output;
        Assert.Equal(Greedy(Cli.Llama), Greedy(gguf));
    }
}
