using System.Text.Json;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Cli.Tests;

public sealed class BenchTests
{
    [Theory]
    [InlineData("generate", "prefill", "decode")]
    [InlineData("train", "forward", "backward", "optimizer")]
    [InlineData("rlhf", "generate", "score", "train")]
    [InlineData("prefill")]
    public void Bench_Json_HasTheTimesOfItsPartsAndTheShareOfTheRoof(string what, params string[] parts)
    {
        CliResult r = Cli.Run("bench", what, "--json", "--quiet", "--backend", "reference", "--shape", "pocket", "--batch", "2", "--prompt", "6", "--new", "3", "--reps", "3");
        Assert.Equal(0, r.ExitCode);
        JsonElement line = JsonDocument.Parse(r.Output).RootElement;
        double[] seconds = [.. line.GetProperty("seconds").EnumerateArray().Select(e => e.GetDouble())];
        Assert.Equal(3, seconds.Length);
        Assert.Equal(seconds.Order().ElementAt(1), line.GetProperty("seconds_median").GetDouble());
        Assert.Equal(parts, line.GetProperty("parts").EnumerateObject().Select(p => p.Name));
        Assert.All(line.GetProperty("parts").EnumerateObject(), p => Assert.InRange(p.Value.GetDouble(), 0, seconds.Max() + 1e-3));
        Assert.Equal(("float32", "float32"), (line.GetProperty("dtype").GetString(), line.GetProperty("kv_type").GetString()));
        Assert.Equal(what == "generate", line.TryGetProperty("decode_tokens_per_s", out _));
        Assert.Equal(what == "generate", line.TryGetProperty("allocated_bytes_per_token", out _));
        JsonElement roof = line.GetProperty("roof");
        Assert.True(roof.GetProperty("tflops").GetDouble() > 0 && roof.GetProperty("gbytes_per_s").GetDouble() > 0 && roof.GetProperty("floor_seconds").GetDouble() >= 0);
    }

    [Fact]
    public void Serve_SmallCacheAdaptersAndCancellations_AnswersEqualThoseAloneAndNothingLeaks()
    {
        CliResult r = Cli.Run("bench", "serve", "--json", "--quiet", "--backend", "reference", "--shape", "pocket", "--requests", "20", "--prompt", "40", "--new", "20", "--batch", "6",
            "--adapters", "1", "--cancelled", "0.2", "--verify", "5");
        Assert.Equal(0, r.ExitCode);
        JsonElement line = JsonDocument.Parse(r.Output).RootElement;
        Assert.Equal((5, 0, 0), (line.GetProperty("compared").GetInt32(), line.GetProperty("different").GetInt32(), line.GetProperty("leaked_blocks").GetInt32()));
        Assert.InRange(line.GetProperty("finished").GetInt32(), 5, 20);
    }

    [Fact]
    public void Serve_Dump_WritesTheLengthsForAnotherEngine()
    {
        string file = Path.GetTempFileName();
        try
        {
            Assert.Equal(0, Cli.Run("bench", "serve", "--requests", "30", "--prompt", "100", "--new", "50", "--dump", file).ExitCode);
            JsonElement[] all = [.. JsonDocument.Parse(File.ReadAllText(file)).RootElement.EnumerateArray()];
            Assert.Equal(30, all.Length);
            Assert.All(all, e => Assert.InRange(e.GetProperty("prompt").GetInt32(), 8, 100));
            Assert.All(all, e => Assert.InRange(e.GetProperty("new").GetInt32(), 8, 50));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("--cache-share", "0")]
    [InlineData("--cancelled", "1.5")]
    [InlineData("--arrivals", "-1")]
    public void Serve_OptionOutOfRange_NamesIt(string option, string value) =>
        Assert.Contains(option, Cli.Run("bench", "serve", "--shape", "pocket", option, value).ErrorLine, StringComparison.Ordinal);

    [Fact]
    public void GenerateSpeculative_LookupAndDraftModel_SameAnswers()
    {
        string model = RepoRoot.Golden("models", "llama");
        string[] plain = ["generate", "--json", "--quiet", "--backend", "reference", "--model", model, "--prompt-ids", "3,4,5,3,4,5", "--max-tokens", "16", "--ignore-eos"];
        string expected = Cli.Run(plain).Output;
        Assert.Contains("token_ids", expected, StringComparison.Ordinal);
        Assert.Equal(expected, Cli.Run([.. plain, "--speculative", "lookup"]).Output);
        Assert.Equal(expected, Cli.Run([.. plain, "--speculative", model, "--draft-tokens", "3"]).Output);
    }
}
