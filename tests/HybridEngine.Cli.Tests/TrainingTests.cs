using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace HybridEngine.Cli.Tests;

public sealed class TrainingTests
{
    // Eight sequences of ids: the tiny golden model has no tokenizer.
    private static string Data(Scratch scratch)
    {
        Random random = new(7);
        return scratch.Write("data.jsonl", string.Join('\n', Enumerable.Range(0, 8).Select(_ =>
            $"{{\"token_ids\": [{string.Join(", ", Enumerable.Range(0, 20).Select(_ => random.Next(3, 150)))}], \"prompt_length\": 5}}")));
    }

    private static string[] Sft(Scratch scratch, string data, string output, int steps, params string[] more) =>
        ["sft", "--set", $"model={Cli.Llama}", "--set", $"data={data}", "--set", $"steps={steps}", "--set", "batch_size=2", "--set", "learning_rate=1e-3", "--set", "save_every=2",
         "--output", scratch.At(output), "--json", .. more];

    [Fact]
    public void Sft_Run_WritesEverythingAndLearns()
    {
        using Scratch scratch = new();
        CliResult r = Cli.Run(Sft(scratch, Data(scratch), "run", 12));
        Assert.True(r.ExitCode == 0, r.Error);
        JsonElement[] metrics = r.Json();
        Assert.Equal(12, metrics.Length);
        Assert.True(metrics[^1].GetProperty("loss").GetDouble() < metrics[0].GetProperty("loss").GetDouble());
        foreach (string key in (string[])["step", "seconds", "tokens", "loss", "grad_norm", "learning_rate", "tokens_per_second"]) { Assert.True(metrics[0].TryGetProperty(key, out _), key); }
        foreach (string file in (string[])["config.json", "metrics.jsonl", "report.html", "model/config.json", "model/model.safetensors", "checkpoints/step-12"])
        {
            Assert.True(Path.Exists(scratch.At(Path.Combine("run", file))), file);
        }

        Assert.Equal(0, Cli.Run("generate", "--model", scratch.At("run/model"), "--prompt-ids", "5,6", "--json").ExitCode);
    }

    [Fact]
    public void Sft_KilledAndResumed_EndsWithTheSameBytes()
    {
        using Scratch scratch = new();
        string data = Data(scratch);
        Assert.Equal(0, Cli.Run(Sft(scratch, data, "whole", 40)).ExitCode);

        // kill -9 as soon as a checkpoint is there.
        using (Process process = Cli.Start(Sft(scratch, data, "killed", 40)))
        {
            Stopwatch clock = Stopwatch.StartNew();
            while (!Directory.Exists(scratch.At("killed/checkpoints/step-4")) && !process.HasExited && clock.Elapsed < TimeSpan.FromMinutes(2)) { Thread.Sleep(1); }
            process.Kill();
            process.WaitForExit();
        }

        CliResult resumed = Cli.Run(Sft(scratch, data, "killed", 40, "--resume"));
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal(File.ReadAllBytes(scratch.At("whole/model/model.safetensors")), File.ReadAllBytes(scratch.At("killed/model/model.safetensors")));
        Assert.Equal(Losses(scratch.At("whole/metrics.jsonl")), Losses(scratch.At("killed/metrics.jsonl")));
    }

    [Fact]
    public void Sft_FolderInUse_IsRefused()
    {
        using Scratch scratch = new();
        string data = Data(scratch);
        Assert.Equal(0, Cli.Run(Sft(scratch, data, "run", 2)).ExitCode);
        CliResult again = Cli.Run(Sft(scratch, data, "run", 2));
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("run", again.ErrorLine, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("learning_rat=1", "learning_rate")]
    [InlineData("steps=many", "steps")]
    [InlineData("batch_size=0", "batch_size")]
    [InlineData("schedule=zigzag", "schedule")]
    [InlineData("nothing", "key=value")]
    public void Sft_BadSetting_IsOneLineThatNamesIt(string setting, string named)
    {
        using Scratch scratch = new();
        CliResult r = Cli.Run([.. Sft(scratch, Data(scratch), "run", 1), "--set", setting]);
        Assert.Equal(1, r.ExitCode);
        Assert.Contains(named, r.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void PrintConfig_IsAConfiguration()
    {
        using Scratch scratch = new();
        CliResult printed = Cli.Run("ppo", "--print-config");
        Assert.Equal(0, printed.ExitCode);
        Assert.Contains("kl_coefficient", printed.Output, StringComparison.Ordinal);
        CliResult again = Cli.Run("ppo", scratch.Write("ppo.json", printed.Output), "--print-config");
        Assert.Equal(printed.Output, again.Output);
    }

    [Fact]
    public void Demo_Fast_TellsTheStory()
    {
        using Scratch scratch = new();
        CliResult r = Cli.Run("demo", "--fast", "--output", scratch.At("demo"), "--json", "--quiet");
        Assert.True(r.ExitCode == 0, r.Error);
        JsonElement[] grades = [.. r.Json()[0].GetProperty("grades").EnumerateArray()];
        Assert.True(grades[^1].GetProperty("exact_sampled").GetDouble() > grades[0].GetProperty("exact_sampled").GetDouble());
        string report = File.ReadAllText(scratch.At("demo/report.html"));
        Assert.Contains("<svg", report, StringComparison.Ordinal);
        Assert.DoesNotContain("src=\"http", report, StringComparison.Ordinal);
        CliResult chat = Cli.RunWith("3+4\n/set temperature 0\n/nonsense\nsort 312\n", "chat", "--model", scratch.At("demo/ppo/model"), "--quiet", "--seed", "1");
        Assert.Equal(0, chat.ExitCode);
        Assert.Equal(2, chat.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("/nonsense", chat.Error, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Losses(string file) => File.ReadAllLines(file).Select(l => JsonDocument.Parse(l).RootElement.GetProperty("loss").GetRawText());
}
