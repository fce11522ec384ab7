using System.Reflection;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>The programs of docs/inference/dotnet.md, as they stand there: built with the tests, run on a model that talks nonsense. The console is the process's, so they run alone.</summary>
[Collection("console")]
public sealed class SampleTests : IDisposable
{
    private readonly TalkingModel _model = new(TalkingModel.ChatMl, positions: 2048);

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Chat_StreamsAnswersReadsARecordAndCallsAFunction()
    {
        string output = Run("chat");
        Assert.Contains("8 answers, ", output, StringComparison.Ordinal);
        Assert.Matches("opinion: (Good|Bad|Mixed), recommends: (True|False)", output);
        Assert.Matches("called: sunny in (Bern|Lagos|Lima)", output);
    }

    [Fact]
    public void Embeddings_RanksAllTexts()
    {
        string[] lines = Run("embeddings").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal(4, lines.Length);
        double[] scores = [.. lines[..3].Select(l => double.Parse(l.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(scores.OrderDescending(), scores);
        Assert.Contains("vectors of 16", lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public void Services_AnswerByDefaultAndByKey()
    {
        string output = Run("services");
        Assert.Contains("assistant: ", output, StringComparison.Ordinal);
        Assert.Contains("critic: ", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Telemetry_ExportsTheConventionsNames()
    {
        string output = Run("telemetry");
        foreach (string name in (string[])["chat my-model", "gen_ai.operation.name", "gen_ai.usage.output_tokens", "gen_ai.client.token.usage", "gen_ai.client.operation.duration", "gen_ai.server.request.duration", "gen_ai.server.time_to_first_token", "gen_ai.server.time_per_output_token", "hybridengine.requests.pending"])
        {
            Assert.Contains(name, output, StringComparison.Ordinal);
        }
    }

    [Theory, InlineData("chat"), InlineData("embeddings"), InlineData("services"), InlineData("telemetry")]
    public void Docs_ShowTheProgramThatRan(string sample) =>
        Assert.Contains(File.ReadAllText(RepoRoot.Combine("tests", "samples", sample, "Program.cs")), File.ReadAllText(RepoRoot.Combine("docs", "inference", "dotnet.md")), StringComparison.Ordinal);

    private string Run(string sample)
    {
        TextWriter console = Console.Out;
        using StringWriter written = new();
        Console.SetOut(written);
        try
        {
            Assembly.Load(sample).EntryPoint!.Invoke(null, [new[] { _model.Folder }]);
        }
        finally
        {
            Console.SetOut(console);
        }

        return written.ToString();
    }
}

/// <summary>Tests that take over the console.</summary>
[CollectionDefinition("console", DisableParallelization = true)]
public sealed class ConsoleTests;
