using System.Text;
using System.Text.Json.Nodes;
using HybridEngine.Cli.Input;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Rlhf;
using Xunit;

namespace HybridEngine.Cli.Tests;

/// <summary>Lines of <c>generate --input</c> with damaged bytes, or values of another kind than they should have: one line that names the file, or a request that the engine takes.</summary>
public sealed class DamagedLineTests
{
    private const string Sound = """
        {"prompt_token_ids": [5, 6, 7], "max_tokens": 9, "min_tokens": 1, "temperature": 0.5, "top_k": 4, "top_p": 0.9, "min_p": 0.1, "typical_p": 0.9, "repetition_penalty": 1.1, "presence_penalty": 0.5,
        "frequency_penalty": 0.5, "no_repeat_ngram_size": 2, "logit_bias": {"9": 1.5}, "bad_words": [], "stop": [], "stop_token_ids": [3], "ignore_eos": true, "seed": 7, "n": 2, "best_of": 3, "logprobs": 2, "num_beams": 1, "length_penalty": 1}
        """;

    private static readonly string[] _odd =
        ["null", "-1", "0", "1e300", "2147483647", "9223372036854775808", "0.5", "\"\"", "\"x\"", "true", "[]", "{}", "[[1]]", "[-1]", "[2147483647]", "{\"a\": 1}", "[1e9]", "\"\\ud800\""];

    [Fact]
    public void Line_OfOtherKinds_IsRefusedByFileOrTaken()
    {
        using HybridModel model = HybridModel.Load(Cli.Llama);
        int taken = 0, refused = 0;
        string[] keys = [.. JsonNode.Parse(Sound)!.AsObject().Select(p => p.Key), "prompt", "messages", "json_schema", "regex", "grammar", "choice"];
        foreach (string key in keys)
        {
            foreach (string value in _odd)
            {
                JsonObject line = JsonNode.Parse(Sound)!.AsObject();
                line.Remove(key);
                string text = line.ToJsonString().TrimEnd('}') + $", \"{key}\": {value}}}";
                Try(model, Encoding.UTF8.GetBytes(text), $"{key}: {value}", ref taken, ref refused);
            }
        }

        Assert.True(taken > 20 && refused > 100, $"{taken} taken, {refused} refused");
    }

    [Fact]
    public void Line_DamagedBytes_IsRefusedByFileOrTaken()
    {
        using HybridModel model = HybridModel.Load(Cli.Llama);
        Random random = new(20261122);
        byte[] sound = Encoding.UTF8.GetBytes(Sound.ReplaceLineEndings(""));
        int taken = 0, refused = 0;
        for (int round = 0; round < 500; round++)
        {
            byte[] bytes = [.. sound];
            for (int change = random.Next(1, 4); change > 0; change--) { bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8)); }
            if (round % 5 == 0) { bytes = bytes[..random.Next(bytes.Length)]; }
            Try(model, bytes, $"round {round}: {Encoding.Latin1.GetString(bytes)}", ref taken, ref refused);
        }

        Assert.True(taken > 10 && refused > 100, $"{taken} taken, {refused} refused");
    }

    private static void Try(HybridModel model, byte[] bytes, string what, ref int taken, ref int refused)
    {
        try
        {
            foreach (JsonLine line in JsonLines.Read(new MemoryStream(bytes), "in.jsonl"))
            {
                PromptLine prompt = PromptLine.Read(line, model, new SamplingOptions(), new PromptLine([], new SamplingOptions(), 1, []), new BeamOptions { Beams = 1 });
                GenerationEngine engine = model.Generator();
                engine.Cancel(engine.Submit(new GenerationRequest { Prompt = prompt.Ids, Sampling = prompt.Sampling, Choices = prompt.Choices, BestOf = prompt.BestOf, Beams = prompt.Beams }));
                taken++;
            }
        }
        catch (HybridEngineException error)
        {
            refused++;
            Assert.DoesNotContain('\n', error.Message);
        }
        catch (Exception error)
        {
            Assert.Fail($"{what}: {error}");
        }
    }
}
