using System.Text;
using System.Text.Json.Nodes;
using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

public sealed class FamilyTests
{
    [Theory]
    [InlineData("qwen2", """{"use_sliding_window": true, "sliding_window": 16, "max_window_layers": 2}""", new[] { 0, 0, 16, 16 })]
    [InlineData("qwen2", """{"use_sliding_window": false, "sliding_window": 16, "max_window_layers": 0}""", new int[0])]
    [InlineData("qwen2", """{"use_sliding_window": true, "sliding_window": 16}""", new int[0])]
    [InlineData("qwen3", """{"use_sliding_window": true, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention", "full_attention", "sliding_attention"]}""", new[] { 8, 0, 0, 8 })]
    [InlineData("mistral", """{"sliding_window": 32}""", new[] { 32, 32, 32, 32 })]
    [InlineData("mistral", """{"sliding_window": null}""", new int[0])]
    [InlineData("mistral", """{}""", new[] { 4096, 4096, 4096, 4096 })]
    public void Read_SlidingWindows_ByLayerAsTransformersDoes(string family, string keys, int[] expected) => Assert.Equal(expected, Read(family, keys).Windows);

    [Theory]
    [InlineData("qwen2", """{"layer_types": ["sliding_attention", "full_attention", "full_attention", "full_attention"]}""", "sliding_attention layers without sliding_window")]
    [InlineData("qwen2", """{"layer_types": ["full_attention"]}""", "layer_types: found 1 entries, expected 4, one a layer")]
    [InlineData("mistral", """{"layer_types": ["chunked_attention", "full_attention", "full_attention", "full_attention"]}""", "layer type chunked_attention is not supported")]
    [InlineData("mistral", """{"sliding_window": 0}""", "sliding_window: found 0")]
    public void Read_UnusableWindows_Refused(string family, string keys, string expected)
        => Assert.Contains(expected, Assert.ThrowsAny<HybridEngineException>(() => Read(family, keys)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_LinearScaling_DividesEveryFrequency()
    {
        double[] plain = Read("llama", "{}").Rotary!.InverseFrequencies;
        double[] scaled = Read("llama", """{"rope_scaling": {"type": "linear", "factor": 4.0}}""").Rotary!.InverseFrequencies;

        Assert.Equal(8, plain.Length);
        for (int i = 0; i < plain.Length; i++)
        {
            Assert.Equal(Math.Pow(10000, -i / 8.0), plain[i], 1e-15);
            Assert.Equal(plain[i] / 4, scaled[i], 1e-15);
        }
    }

    [Fact]
    public void Read_Llama3Scaling_KeepsFastDividesSlowAndBlendsBetween()
    {
        DecoderConfig c = Read("llama", """{"rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}}""");
        double[] plain = Read("llama", "{}").Rotary!.InverseFrequencies;

        for (int i = 0; i < plain.Length; i++)
        {
            double wavelength = 2 * Math.PI / plain[i], ratio = c.Rotary!.InverseFrequencies[i] / plain[i];
            if (wavelength < 16) { Assert.Equal(1, ratio, 1e-12); }
            else if (wavelength > 64) { Assert.Equal(0.125, ratio, 1e-12); }
            else { Assert.InRange(ratio, 0.126, 0.999); }
        }

        Assert.Equal(1, c.Rotary!.Factor);
    }

    [Fact]
    public void Read_YarnAttentionFactor_GivenOneWins()
    {
        const string Yarn = """{"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32 EXTRA}}""";
        Assert.Equal(0.1 * Math.Log(4) + 1, Read("qwen2", Yarn.Replace("EXTRA", "")).Rotary!.Factor, 1e-12);
        Assert.Equal(1.25, Read("qwen2", Yarn.Replace("EXTRA", ", \"attention_factor\": 1.25")).Rotary!.Factor);
    }

    private static DecoderConfig Read(string family, string keys)
    {
        JsonObject config = new()
        {
            ["model_type"] = family, ["vocab_size"] = 100, ["hidden_size"] = 64, ["intermediate_size"] = 96, ["num_hidden_layers"] = 4, ["num_attention_heads"] = 4,
            ["num_key_value_heads"] = 2, ["head_dim"] = 16, ["max_position_embeddings"] = 128, ["rms_norm_eps"] = 1e-6,
        };
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject().ToArray()) { config[key] = value?.DeepClone(); }
        return ModelFamilies.ReadConfig(new ConfigReader("config.json", JsonInput.Parse("config.json", Encoding.UTF8.GetBytes(config.ToJsonString()))));
    }
}
