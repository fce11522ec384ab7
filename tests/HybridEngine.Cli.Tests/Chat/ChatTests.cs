using System.Diagnostics;
using System.Text.Json;
using HybridEngine.Models;
using HybridEngine.Rlhf;
using Xunit;

namespace HybridEngine.Cli.Tests;

/// <summary><c>chat</c> as scripts and people use it.</summary>
public sealed class ChatTests : IClassFixture<ChatTests.Pocket>
{
    private readonly string _model;

    public ChatTests(Pocket pocket) => _model = pocket.Folder;

    [Fact]
    public void Chat_Piped_AnswersEveryLineAndObeysCommands()
    {
        using Scratch scratch = new();
        string file = scratch.At("c.json");
        CliResult chat = Chat($"""
            1+2
            /set temperature 0
            /set top_k 2.5
            /set nonsense 1
            /set
            /retry
            /save {file}
            /undo
            /undo
            /undo
            /load {file}
            /load {scratch.At("none")}
            /system short
            /system none
            /nonsense
            /help
            /clear
            /exit
            never
            """, "--max-tokens", "5");
        Assert.Equal(0, chat.ExitCode);
        Assert.Equal(2, chat.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        foreach (string expected in (string[])["temperature = 0", "/set top_k: found '2.5', expected a number such as 0", "'nonsense'", "max_tokens            5", "nothing to take back", "(2 messages)", "none", "system message: short", "(no system message)", "'/nonsense'", "/retry", "forgotten"])
        {
            Assert.Contains(expected, chat.Error, StringComparison.Ordinal);
        }

        JsonElement saved = JsonDocument.Parse(File.ReadAllText(file)).RootElement.GetProperty("messages");
        Assert.Equal(["user", "assistant"], saved.EnumerateArray().Select(m => m.GetProperty("role").GetString()));
        Assert.Equal("1+2", saved[0].GetProperty("content").GetString());
    }

    [Fact]
    public void Chat_Json_WritesALineAnAnswerAndNothingElse()
    {
        CliResult chat = Chat("1+2\n3+4\n", "--json", "--max-tokens", "4", "--ignore-eos", "--seed", "3");
        JsonElement[] lines = chat.Json();
        Assert.Equal(2, lines.Length);
        Assert.All(lines, l => Assert.Equal(("assistant", 4, "length"), (l.GetProperty("role").GetString(), l.GetProperty("token_ids").GetArrayLength(), l.GetProperty("finish_reason").GetString())));
        Assert.Equal(chat.Output, Chat("1+2\n3+4\n", "--json", "--max-tokens", "4", "--ignore-eos", "--seed", "3").Output);
    }

    [Fact]
    public void Chat_ContextFull_LeavesTheOldestTurnsOutAndSaysSo()
    {
        CliResult chat = Chat(string.Concat(Enumerable.Range(0, 8).Select(i => $"message {i}\n")) + new string('x', 100) + "\nlast\n", "--max-tokens", "8", "--ignore-eos");
        Assert.Equal(0, chat.ExitCode);
        Assert.Equal(9, chat.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("left out", chat.Error, StringComparison.Ordinal);
        Assert.Contains("error: message: found 1", chat.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Chat_ThreeQuotes_MakeOneMessageOfSeveralLines()
    {
        using Scratch scratch = new();
        Chat($"\"\"\"one\ntwo\nthree\"\"\"\n/save {scratch.At("c.json")}\n", "--max-tokens", "2");
        Assert.Equal("one\ntwo\nthree", JsonDocument.Parse(File.ReadAllText(scratch.At("c.json"))).RootElement.GetProperty("messages")[0].GetProperty("content").GetString());
    }

    // util-linux's `script` gives the command a terminal of its own.
    [SkippableFact]
    public void Chat_AtATerminal_EditsAnswersStopsAndLeaves()
    {
        Skip.IfNot(File.Exists("/usr/bin/script"), "/usr/bin/script is not on this machine");
        using Scratch scratch = new();
        string command = $"exec dotnet '{Path.Combine(AppContext.BaseDirectory, "HybridEngine.Cli.dll")}' chat --backend reference --model '{_model}' --max-tokens 4 --ignore-eos";
        ProcessStartInfo info = new("/usr/bin/script", ["-q", "-e", "-c", command, "/dev/null"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        (info.Environment["XDG_STATE_HOME"], info.Environment["TERM"]) = (scratch.Path, "xterm");
        using Process process = Process.Start(info)!;
        // A program that waits for what never comes must not hold up the others.
        using CancellationTokenSource late = new(TimeSpan.FromMinutes(3));
        using CancellationTokenRegistration kill = late.Token.Register(process.Kill);
        List<string> screen = [];
        // Typed ahead, while the model loads.
        Type(process, "3+4\n");
        Expect(process, "\e[?2004h", screen);
        Expect(process, "\e[?2004h", screen);
        // Typed with a slip, sent; then given up by Ctrl-C; then the end.
        Type(process, "1+22\u007f\r");
        Expect(process, "\e[?2004h", screen);
        Type(process, "never mind");
        Expect(process, "mind", screen);
        Type(process, "\u0003");
        Expect(process, "^C", screen);
        Type(process, $"/save {scratch.At("c.json")}\r");
        Expect(process, "saved", screen);
        Type(process, "\u0004");
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(2)), string.Concat(screen));
        Assert.Equal(0, process.ExitCode);
        JsonElement messages = JsonDocument.Parse(File.ReadAllText(scratch.At("c.json"))).RootElement.GetProperty("messages");
        Assert.Equal(4, messages.GetArrayLength());
        Assert.Equal("3+4", messages[0].GetProperty("content").GetString());
        Assert.Equal("1+2", messages[2].GetProperty("content").GetString());
        Assert.Contains("1+2", File.ReadAllText(Path.Combine(scratch.Path, "hybridengine", "chat_history")), StringComparison.Ordinal);
    }

    private static void Type(Process process, string keys)
    {
        process.StandardInput.Write(keys);
        process.StandardInput.Flush();
    }

    private static void Expect(Process process, string text, List<string> screen)
    {
        System.Text.StringBuilder read = new();
        while (!read.ToString().Contains(text, StringComparison.Ordinal))
        {
            int c = process.StandardOutput.Read();
            Assert.True(c >= 0, $"the program ended before '{text}': {string.Concat(screen)}{read}");
            read.Append((char)c);
        }

        screen.Add(read.ToString());
    }

    private CliResult Chat(string input, params string[] arguments) => Cli.RunWith(input, ["chat", "--model", _model, "--backend", "reference", .. arguments]);

    /// <summary>The pocket assistant's shape with random weights: 64 positions, a token a character.</summary>
    public sealed class Pocket : IDisposable
    {
        public Pocket()
        {
            Directory.CreateDirectory(Folder);
            string config = Path.Combine(Folder, "config.json");
            DecoderConfig shape = ModelFamilies.ReadConfig(new ConfigReader(config, JsonDocument.Parse(PocketModel.ConfigJson()).RootElement));
            ModelSaveOptions save = new() { ConfigJson = PocketModel.ConfigJson(), GenerationConfigJson = PocketModel.GenerationConfigJson(), WriteTokenizer = WriteTokenizer };
            using HybridModel model = HybridModel.Create(shape, Initialization.Small(shape), save, options: new HybridOptions { Backend = Backends.Reference });
            model.Save(Folder);
        }

        public string Folder { get; } = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

        public void Dispose() => Directory.Delete(Folder, recursive: true);

        // The pocket's own template shows one turn; this one the whole conversation.
        private static void WriteTokenizer(string folder)
        {
            PocketVocabulary.Save(folder);
            string file = Path.Combine(folder, "tokenizer_config.json");
            System.Text.Json.Nodes.JsonNode json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(file))!;
            json["chat_template"] = "<bos>{% for m in messages %}{{ '<human>' if m.role != 'assistant' else '<assistant>' }}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
            File.WriteAllText(file, json.ToJsonString());
        }
    }
}
