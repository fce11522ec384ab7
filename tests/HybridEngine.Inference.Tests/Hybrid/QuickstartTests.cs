using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using HybridEngine.Models;
using HybridEngine.Rlhf;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>The program of the README, as it stands there: built with the tests, run on a small random model.</summary>
[Collection("alone")]
public sealed partial class QuickstartTests
{
    [Fact]
    public void Quickstart_OnARandomModel_RaisesItsRewardWithoutMismatchAndSaves()
    {
        string folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), output = folder + "-trained";
        TextWriter console = Console.Out;
        using StringWriter written = new();
        try
        {
            MakeModel(folder);
            Console.SetOut(written);
            Assembly.Load("quickstart").EntryPoint!.Invoke(null, [new[] { folder, "8", output }]);
            Console.SetOut(console);
            double[] scores = [.. Steps().Matches(written.ToString()).Select(m => double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))];
            Assert.Equal(8, scores.Length);
            Assert.True(scores[^1] > scores[0], written.ToString());
            Assert.All(Steps().Matches(written.ToString()), m => Assert.Equal("0", m.Groups[2].Value));
            using HybridModel trained = HybridModel.Load(output);
            Assert.NotNull(trained.Tokenizer);
        }
        finally
        {
            Console.SetOut(console);
            foreach (string f in (string[])[folder, output])
            {
                if (Directory.Exists(f)) { Directory.Delete(f, recursive: true); }
            }
        }
    }

    [Fact]
    public void Readme_ShowsTheProgramThatRan() =>
        Assert.Contains(File.ReadAllText(RepoRoot.Combine("tests", "samples", "quickstart", "Program.cs")), File.ReadAllText(RepoRoot.Combine("README.md")), StringComparison.Ordinal);

    [GeneratedRegex(@"step \d+: score (\S+), KL \S+, mismatch (\S+)")]
    private static partial Regex Steps();

    // The pocket assistant's shape and vocabulary with random weights.
    private static void MakeModel(string folder)
    {
        Directory.CreateDirectory(folder);
        string config = Path.Combine(folder, "config.json");
        File.WriteAllText(config, PocketModel.ConfigJson());
        DecoderConfig shape = ModelFamilies.ReadConfig(new ConfigReader(config, System.Text.Json.JsonDocument.Parse(PocketModel.ConfigJson()).RootElement));
        ModelSaveOptions save = new() { ConfigJson = PocketModel.ConfigJson(), GenerationConfigJson = PocketModel.GenerationConfigJson(), WriteTokenizer = PocketVocabulary.Save };
        using HybridModel model = HybridModel.Create(shape, Initialization.Small(shape), save);
        model.Save(folder);
    }
}
