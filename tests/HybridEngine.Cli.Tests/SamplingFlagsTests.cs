using System.Text.Json;
using Xunit;

namespace HybridEngine.Cli.Tests;

/// <summary>The flags and fields of sampling, as scripts use them.</summary>
public sealed class SamplingFlagsTests
{
    [Fact]
    public void Generate_FlagsAndFields_MeanTheSame()
    {
        string[] flags = ["generate", "--model", Cli.Llama, "--json", "--max-tokens", "12", "--ignore-eos", "--seed", "5"];
        CliResult byFlag = Cli.Run([.. flags, "--prompt-ids", "5,6,7", "--presence-penalty", "0.5", "--frequency-penalty", "0.25", "--no-repeat-ngram-size", "3", "--typical-p", "0.9", "--min-tokens", "2",
            "--logit-bias", "9=2.5", "--logit-bias", "10=-inf", "--suppress-tokens", "11,12", "--sampled-logprobs", "--logprobs", "2", "--prompt-logprobs", "1", "--n", "2", "--timing"]);
        CliResult byField = Cli.RunWith("""{"prompt_token_ids": [5,6,7], "presence_penalty": 0.5, "frequency_penalty": 0.25, "no_repeat_ngram_size": 3, "typical_p": 0.9, "min_tokens": 2, "logit_bias": {"9": 2.5, "10": -1e30}, "suppress_tokens": [11,12], "logprobs": 2, "n": 2, "tag": "kept"}""",
            [.. flags, "--input", "-", "--sampled-logprobs"]);
        Assert.True(byFlag.ExitCode == 0 && byField.ExitCode == 0, byFlag.Error + byField.Error);
        JsonElement one = byFlag.Json()[0], other = byField.Json()[0];
        Assert.Equal(one.GetProperty("choices").ToString(), other.GetProperty("choices").ToString());
        Assert.Equal("kept", other.GetProperty("tag").GetString());
        Assert.Equal(2, one.GetProperty("choices").GetArrayLength());
        Assert.Equal([JsonValueKind.Null, JsonValueKind.Number, JsonValueKind.Number], one.GetProperty("prompt_logprobs").EnumerateArray().Select(e => e.ValueKind));
        Assert.Equal(12, one.GetProperty("choices")[0].GetProperty("top_logprobs").GetArrayLength());
        Assert.Equal(12, one.GetProperty("choices")[0].GetProperty("sampled_logprobs").GetArrayLength());
        Assert.True(byFlag.Json()[1].GetProperty("timing").GetProperty("new_tokens").GetInt32() == 24, byFlag.Output);
    }

    [Fact]
    public void Generate_Beams_AreAtLeastAsLikelyAsGreedy()
    {
        string[] common = ["generate", "--model", Cli.Llama, "--json", "--max-tokens", "8", "--ignore-eos", "--prompt-ids", "5,6,7"];
        CliResult greedy = Cli.Run([.. common, "--temperature", "0"]), beams = Cli.Run([.. common, "--num-beams", "5", "--n", "2", "--length-penalty", "0"]);
        Assert.True(beams.ExitCode == 0, beams.Error);
        JsonElement best = beams.Json()[0].GetProperty("choices")[0];
        double Sum(JsonElement choice) => choice.GetProperty("logprobs").EnumerateArray().Sum(e => e.GetDouble());
        Assert.True(Sum(best) >= Sum(greedy.Json()[0].GetProperty("choices")[0]) - 1e-4);
        Assert.Equal(Sum(best), best.GetProperty("score").GetDouble(), 1e-3);
        Assert.True(best.GetProperty("score").GetDouble() >= beams.Json()[0].GetProperty("choices")[1].GetProperty("score").GetDouble());
    }

    [Theory]
    [InlineData("--logit-bias", "x=1")]
    [InlineData("--logit-bias", "99999999=1")]
    [InlineData("--typical-p", "0")]
    [InlineData("--min-tokens", "999")]
    [InlineData("--best-of", "0", "--n", "0")]
    [InlineData("--num-beams", "3", "--temperature", "0.5")]
    [InlineData("--num-beams", "2", "--n", "3")]
    [InlineData("--no-repeat-ngram-size", "-1")]
    public void Generate_WrongFlag_IsOneLine(params string[] flags)
    {
        CliResult r = Cli.Run(["generate", "--model", Cli.Llama, "--prompt-ids", "5", .. flags]);
        Assert.True(r.ExitCode is 1 or 2, $"{r.ExitCode}: {r.Output}");
        Assert.DoesNotContain("   at ", r.Error, StringComparison.Ordinal);
        Assert.Empty(r.Output);
    }
}
