using Xunit;

namespace HybridEngine.Cli.Tests;

public sealed class UsageTests
{
    [Theory]
    [InlineData("generate", "--prompt-ids", "1,2")]
    [InlineData("nonsense")]
    [InlineData("generate", "--model", "x", "--temperature", "hot")]
    [InlineData("generate", "--model", "x", "--temperature", "-1")]
    [InlineData("generate", "--model", "x", "--top-p", "2")]
    [InlineData("generate", "--model", "x", "--prompt-ids", "1,two")]
    [InlineData("generate", "--model", "x", "--num-beams", "4")]
    [InlineData("generate", "--model", "x", "--prompt", "a", "--prompt-ids", "1")]
    [InlineData("generate", "--model", "x", "--prompt", "a", "--regex", "a", "--choice", "b")]
    [InlineData("generate", "--model", "x", "--prompt", "a", "--num-beams", "0")]
    [InlineData("bench", "swim")]
    [InlineData("devices", "--backend", "abacus")]
    [InlineData("devices", "--threads", "-1")]
    public void WrongUsage_ExitsWith2AndOneLine(params string[] arguments)
    {
        CliResult r = Cli.Run(arguments);
        Assert.Equal(2, r.ExitCode);
        Assert.Empty(r.Output);
        string line = Assert.Single(r.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("error: ", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Failure_ExitsWith1AndNamesTheFile()
    {
        CliResult r = Cli.Run("generate", "--model", "/no/such/model", "--prompt-ids", "1");
        Assert.Equal(1, r.ExitCode);
        Assert.Empty(r.Output);
        Assert.Contains("/no/such/model", r.ErrorLine, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", r.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("generate", "--help")]
    [InlineData("ppo", "--help")]
    public void Help_ExitsWith0(params string[] arguments)
    {
        CliResult r = Cli.Run(arguments);
        Assert.Equal(0, r.ExitCode);
        Assert.Contains("hybridengine", r.Output, StringComparison.Ordinal);
        Assert.Contains("--json", r.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_NamesEveryPromisedCommand()
    {
        string help = Cli.Run("--help").Output;
        foreach (string name in (string[])["generate", "logprobs", "embed", "tokenize", "detokenize", "render", "accepts", "eval", "sft", "reward", "ppo", "train", "chat", "bench", "inspect", "convert", "devices", "demo"])
        {
            Assert.Contains($"\n  {name} ", help, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Devices_Json_ListsBackends()
    {
        CliResult r = Cli.Run("devices", "--json");
        Assert.Equal(0, r.ExitCode);
        Assert.Contains(r.Json()[0].GetProperty("backends").EnumerateArray(), b => b.GetProperty("name").GetString() == "reference" && b.GetProperty("available").GetBoolean());
    }

    [Fact]
    public void Backend_NotInThisBuild_IsRefusedByName()
    {
        CliResult r = Cli.Run("generate", "--model", Cli.Llama, "--prompt-ids", "1,2", "--backend", "ilgpu");
        Assert.Equal(1, r.ExitCode);
        Assert.Contains("ilgpu", r.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void DType_OnlyForStoring_IsRefusedByName()
    {
        CliResult r = Cli.Run("generate", "--model", Cli.Llama, "--prompt-ids", "1,2", "--dtype", "float16");
        Assert.Equal(1, r.ExitCode);
        Assert.Contains("float16", r.ErrorLine, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--activations", "int8", "float32")]
    [InlineData("--quantize", "q9", "q8_0")]
    public void Types_ThatDoNotGoWithTheWeights_SayWhatWould(string option, string value, string expected)
    {
        CliResult r = Cli.Run("generate", "--model", Cli.Llama, "--prompt-ids", "1,2", option, value, "--dtype", "float32");
        Assert.Equal(1, r.ExitCode);
        Assert.Contains(option[2..], r.ErrorLine, StringComparison.Ordinal);
        Assert.Contains(expected, r.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Types_OfGeneration_GoFromTheCommandLineToTheModel()
    {
        CliResult exact = Cli.Run("logprobs", "--model", Cli.Llama, "--ids", "1,2,3,4,5", "--backend", "reference", "--json");
        foreach (string[] types in (string[][])[["--dtype", "bfloat16", "--kv-type", "float32"], ["--quantize", "q8_0"], ["--quantize", "q8_0", "--activations", "int8"]])
        {
            CliResult r = Cli.Run(["logprobs", "--model", Cli.Llama, "--ids", "1,2,3,4,5", "--backend", "reference", "--json", .. types]);
            Assert.Equal(0, r.ExitCode);
            Assert.NotEqual(exact.Output, r.Output);
        }
    }
}
