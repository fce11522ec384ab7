using System.Text.Json;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Cli.Tests;

public sealed class TokenizeTests
{
    [SkippableTheory]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    [InlineData("unigram_t5")]
    [InlineData("wordpiece_truncate_pad")]
    public void Tokenize_GoldenTexts_GivesIdsTokensAndOffsets(string folder)
    {
        string path = Tokenizer(folder);
        JsonElement[] cases = [.. Cases(path).Where(item => !item.TryGetProperty("pair", out _))];
        using Scratch scratch = new();
        string input = scratch.Write("texts.jsonl", string.Concat(cases.Select(item => JsonSerializer.Serialize(new { text = item.GetProperty("text").GetString() }) + "\n")));

        JsonElement[] with = Cli.Run("tokenize", "--model", path, "--input", input, "--json").Json(), without = Cli.Run("tokenize", "--model", path, "--input", input, "--no-special-tokens", "--json").Json();
        Assert.Equal(cases.Length, with.Length);
        for (int i = 0; i < cases.Length; i++)
        {
            Same(cases[i].GetProperty("ids_with_special"), with[i].GetProperty("token_ids"));
            Same(cases[i].GetProperty("tokens"), with[i].GetProperty("tokens"));
            Same(cases[i].GetProperty("offsets"), with[i].GetProperty("offsets"));
            Same(cases[i].GetProperty("ids_without_special"), without[i].GetProperty("token_ids"));
        }
    }

    [SkippableTheory]
    [InlineData("llama2")]
    [InlineData("unigram_albert")]
    public void Detokenize_GoldenIds_GivesTexts(string folder)
    {
        string path = Tokenizer(folder);
        JsonElement[] cases = Cases(path);
        string input = string.Concat(cases.Select(item => $"{{\"token_ids\": {JsonSerializer.Serialize(item.GetProperty("ids_with_special"))}}}\n"));
        JsonElement[] kept = Cli.RunWith(input, "detokenize", "--model", path, "--input", "-", "--json").Json(), skipped = Cli.RunWith(input, "detokenize", "--model", path, "--input", "-", "--skip-special-tokens", "--json").Json();
        Assert.Equal(cases.Select(item => item.GetProperty("decoded_keep_special").GetString()), kept.Select(line => line.GetProperty("text").GetString()));
        Assert.Equal(cases.Select(item => item.GetProperty("decoded_skip_special").GetString()), skipped.Select(line => line.GetProperty("text").GetString()));
    }

    [SkippableTheory]
    [InlineData("meta-llama-Llama-3.1-8B-Instruct.jinja")]
    [InlineData("mistralai-Mistral-Nemo-Instruct-2407.jinja")]
    public void Render_GoldenConversations_GivesTextsAndErrors(string template)
    {
        string folder = SharedData.Require("golden", "chat_templates");
        JsonElement[] records = [.. File.ReadLines(Path.Combine(folder, "rendered.jsonl")).Select(line => JsonElement.Parse(line)).Where(record => record.GetProperty("template").GetString() == template)];
        Assert.NotEmpty(records);
        // The moment of the recordings, as the text that strftime_now returns in them.
        string input = string.Concat(records.Select(record => JsonSerializer.Serialize(record.GetProperty("variables").EnumerateObject().ToDictionary(p => p.Name, p => (object)p.Value).Append(new("strftime_now", "09 Mar 2025")).ToDictionary()) + "\n"));
        JsonElement[] lines = Cli.RunWith(input, "render", "--template", Path.Combine(folder, template), "--input", "-", "--json").Json();
        Assert.Equal(records.Length, lines.Length);
        for (int i = 0; i < records.Length; i++)
        {
            if (!records[i].TryGetProperty("error", out JsonElement error)) Assert.Equal(records[i].GetProperty("output").GetString(), lines[i].GetProperty("text").GetString());
            else if (error.GetProperty("raised_by_template").GetBoolean()) Assert.Equal(error.GetProperty("message").GetString(), lines[i].GetProperty("error").GetString());
            else Assert.True(lines[i].TryGetProperty("error", out _));
        }
    }

    [Fact]
    public void Tokenize_Text_PrintsIdsAndReadsThemBack()
    {
        string path = Tokenizer("gpt2");
        string ids = Cli.Run("tokenize", "--model", path, "--text", "Hello, wörld").Output.Trim();
        Assert.Equal("Hello, wörld", Cli.Run("detokenize", "--model", path, "--ids", ids.Replace(' ', ',')).Output.TrimEnd());
    }

    [Theory]
    [InlineData("1500", "detokenize", "--ids", "1,1500")]
    [InlineData("texts.jsonl", "tokenize", "--input", "texts.jsonl")]
    [InlineData("no chat template", "render", "--input", "-")]
    public void WrongInput_ExitsWith1AndNamesIt(string named, string command, string option, string value)
    {
        CliResult result = Cli.Run(command, "--model", Tokenizer("gpt2"), option, value, "--json");
        Assert.Equal(1, result.ExitCode);
        Assert.Empty(result.Output);
        Assert.Contains(named, result.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Tokenize_HalfASurrogatePair_NamesTheLine()
    {
        CliResult result = Cli.RunWith("{\"text\": \"a\"}\n{\"text\": \"a\\ud800b\"}\n", "tokenize", "--model", Tokenizer("gpt2"), "--input", "-", "--json");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("standard input:2", result.ErrorLine, StringComparison.Ordinal);
    }

    private static string Tokenizer(string folder)
    {
        string local = RepoRoot.Golden("tokenizers", folder);
        return Directory.Exists(local) ? local : SharedData.Require("golden", "tokenizers_hf", folder);
    }

    private static JsonElement[] Cases(string path) => [.. JsonElement.Parse(File.ReadAllText(Path.Combine(path, "cases.json"))).GetProperty("cases").EnumerateArray()];

    private static void Same(JsonElement expected, JsonElement actual) => Assert.True(JsonElement.DeepEquals(expected, actual), $"expected {expected}, got {actual}");
}
