using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Cli.Tests;

/// <summary>LoRA adapters on the command line.</summary>
public sealed class AdapterTests
{
    private readonly TestRandom _random = new();

    [Fact]
    public void Generate_LinesOfManyAdapters_EachAsWithItsAdapterAlone()
    {
        using Scratch scratch = new();
        (string one, string two) = (Adapter(scratch, "one"), Adapter(scratch, "two"));
        string input = scratch.Write("in.jsonl", """
            {"prompt_token_ids": [5, 6, 7], "adapter": "two"}
            {"prompt_token_ids": [5, 6, 7]}
            {"prompt_token_ids": [5, 6, 7], "adapter": null}
            """);
        string[] common = ["--max-tokens", "12", "--temperature", "0", "--ignore-eos", "--json"];
        JsonElement[] lines = Cli.Run(["generate", "--model", Cli.Llama, "--input", input, "--adapter", one, "--adapter", $"two={two}", .. common]).Json();
        Assert.Equal("two", lines[0].GetProperty("adapter").GetString());
        string[] expected = [Alone("--adapter", two), Alone("--adapter", $"x={one}"), Alone()];
        Assert.Equal(expected, lines.Select(Choices));
        Assert.Equal(3, expected.Distinct().Count());

        string Alone(params string[] adapter) => Choices(Cli.Run(["generate", "--model", Cli.Llama, "--prompt-ids", "5,6,7", .. adapter, .. common]).Json()[0]);
        static string Choices(JsonElement line) => line.GetProperty("choices").GetRawText();
    }

    [Theory, InlineData("merged"), InlineData("merged.gguf")]
    public void Convert_WithAdapter_IsTheModelThatTheAdapterMakes(string name)
    {
        using Scratch scratch = new();
        string adapter = Adapter(scratch, "a"), merged = scratch.At(name);
        Assert.Equal(0, Cli.Run("convert", Cli.Llama, merged, "--adapter", adapter).ExitCode);
        double[] beside = LogProbs(Cli.Llama, "--adapter", adapter), inside = LogProbs(merged), without = LogProbs(Cli.Llama);
        for (int i = 0; i < beside.Length; i++) { Assert.Equal(beside[i], inside[i], 1e-4); }
        Assert.True(beside.Zip(without).Max(p => Math.Abs(p.First - p.Second)) > 1e-2, $"the adapter changes nothing, {_random}");

        static double[] LogProbs(string model, params string[] more) =>
            [.. Cli.Run(["logprobs", "--model", model, "--ids", "5,6,7,20,9,33,101,64,2", "--json", .. more]).Json()[0].GetProperty("logprobs").EnumerateArray().Skip(1).Select(e => e.GetDouble())];
    }

    [Fact]
    public void EmbedAndConvert_AdapterWithAScore_MakesARewardModel()
    {
        using Scratch scratch = new();
        string adapter = Adapter(scratch, "a", score: true), merged = scratch.At("merged"), input = scratch.Write("in.jsonl", """
            {"token_ids": [5, 6, 7, 9]}
            {"token_ids": [5, 6]}
            """);
        Assert.Equal(0, Cli.Run("convert", Cli.Llama, merged, "--adapter", adapter).ExitCode);
        JsonElement[] beside = Cli.Run("embed", "--model", Cli.Llama, "--input", input, "--adapter", adapter, "--pooling", "last", "--json").Json();
        JsonElement[] inside = Cli.Run("embed", "--model", merged, "--input", input, "--pooling", "last", "--json").Json();
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(inside[i].GetProperty("reward").GetDouble(), beside[i].GetProperty("reward").GetDouble(), 1e-3);
            double[] expected = Vector(inside[i]), actual = Vector(beside[i]);
            Assert.Equal(64, actual.Length);
            Assert.Equal(1, actual.Sum(v => v * v), 1e-5);
            for (int c = 0; c < actual.Length; c++) { Assert.Equal(expected[c], actual[c], 1e-4); }
        }

        Assert.False(Cli.Run("embed", "--model", Cli.Llama, "--ids", "5,6", "--json").Json()[0].TryGetProperty("reward", out _));
        static double[] Vector(JsonElement line) => [.. line.GetProperty("embedding").EnumerateArray().Select(e => e.GetDouble())];
    }

    [Fact]
    public void Inspect_Adapter_SaysWhatItIs()
    {
        using Scratch scratch = new();
        string adapter = Adapter(scratch, "a");
        JsonElement found = Cli.Run("inspect", adapter, "--json").Json()[0];
        Assert.True(found.GetProperty("supported").GetBoolean());
        Assert.Equal(3, found.GetProperty("adapter").GetProperty("rank").GetInt32());
        Assert.Equal(2, found.GetProperty("adapter").GetProperty("modules").GetProperty("down_proj").GetInt32());
        Assert.Contains("rank 3", Cli.Run("inspect", adapter).Output, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(adapter, "adapter_config.json"), """{"peft_type": "IA3"}""");
        Assert.Contains("peft_type", Cli.Run("inspect", adapter, "--json").Json()[0].GetProperty("problem").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Adapter_WrongArguments_AreOneLineThatNamesThem()
    {
        using Scratch scratch = new();
        string adapter = Adapter(scratch, "a"), input = scratch.Write("in.jsonl", """{"prompt_token_ids": [5], "adapter": "b"}""");
        Refused("LoRA adapter", "generate", "--model", adapter, "--prompt-ids", "5");
        Refused("adapter_config.json", "generate", "--model", Cli.Llama, "--prompt-ids", "5", "--adapter", scratch.Path);
        Refused("one of a", "generate", "--model", Cli.Llama, "--input", input, "--adapter", $"a={adapter}");
        Refused("twice", "generate", "--model", Cli.Llama, "--prompt-ids", "5", "--adapter", adapter, "--adapter", adapter);
        Refused("no such folder", "logprobs", "--model", Cli.Llama, "--ids", "5", "--adapter", scratch.At("none"));

        static void Refused(string named, params string[] arguments)
        {
            CliResult r = Cli.Run(arguments);
            Assert.Equal(1, r.ExitCode);
            Assert.Contains(named, r.ErrorLine, StringComparison.Ordinal);
        }
    }

    // For the recorded llama: hidden 64, heads of 16 (4 query, 2 key), MLP 112, two layers.
    private string Adapter(Scratch scratch, string name, bool score = false)
    {
        string folder = Directory.CreateDirectory(scratch.At(name)).FullName;
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), """{"peft_type": "LORA", "r": 3, "lora_alpha": 6, "target_modules": ["q_proj", "v_proj", "down_proj"], "base_model_name_or_path": "llama"}""");
        List<TensorToWrite> tensors = [];
        foreach ((string module, int rows, int columns) in new[] { ("self_attn.q_proj", 64, 64), ("self_attn.v_proj", 32, 64), ("mlp.down_proj", 64, 112) })
        {
            for (int l = 0; l < 2; l++)
            {
                Add($"base_model.model.model.layers.{l}.{module}.lora_A.weight", 3, columns);
                Add($"base_model.model.model.layers.{l}.{module}.lora_B.weight", rows, 3);
            }
        }

        if (score)
        {
            File.WriteAllText(Path.Combine(folder, "adapter_config.json"), """{"peft_type": "LORA", "r": 3, "lora_alpha": 6, "task_type": "SEQ_CLS", "target_modules": ["q_proj", "v_proj", "down_proj"], "modules_to_save": ["classifier", "score"]}""");
            Add("base_model.model.score.weight", 1, 64);
        }

        SafetensorsWriter.Write(Path.Combine(folder, "adapter_model.safetensors"), tensors);
        return folder;

        void Add(string tensor, int rows, int columns) => tensors.Add(new TensorToWrite(tensor, DType.Float32, [rows, columns], values => _random.Normal(values.Length, 0.2).CopyTo(values, 0)));
    }
}
