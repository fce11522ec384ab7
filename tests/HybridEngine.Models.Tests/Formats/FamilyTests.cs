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
    [InlineData("smollm3", """{"use_sliding_window": true, "sliding_window": 8}""", new[] { 0, 0, 0, 8 })]
    [InlineData("smollm3", """{"use_sliding_window": true, "sliding_window": 8, "no_rope_layers": [0, 1, 1, 0, 1]}""", new[] { 8, 0, 0, 8 })]
    [InlineData("gemma2", """{"sliding_window": 8}""", new[] { 8, 0, 8, 0 })]
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

    [Fact]
    public void Read_LongRope_TwoSetsOfFrequenciesAndTheFactorOfTheExtension()
    {
        DecoderConfig c = Read("phi3", """
            {"original_max_position_embeddings": 32, "partial_rotary_factor": 0.5,
             "rope_scaling": {"type": "su", "short_factor": [1.0, 1.5, 2.0, 4.0], "long_factor": [2.0, 3.0, 8.0, 16.0]}}
            """);
        Assert.Equal(8, c.Rotary!.RotarySize);
        for (int i = 0; i < 4; i++)
        {
            double plain = Math.Pow(10000, -i / 4.0);
            Assert.Equal(plain / new[] { 1, 1.5, 2, 4 }[i], c.Rotary.InverseFrequencies[i], 1e-15);
            Assert.Equal(plain / new[] { 2.0, 3, 8, 16 }[i], c.Rotary.LongInverseFrequencies![i], 1e-15);
        }

        // transformers: sqrt(1 + ln(128 / 32) / ln 32), for short contexts too.
        Assert.Equal(Math.Sqrt(1 + Math.Log(4) / Math.Log(32)), c.Rotary.Factor, 1e-15);
        Assert.Equal((32, 0, 32), (c.LongFrom, c.PositionShift(32), c.PositionShift(33)));
        Assert.Equal(0, Read("phi3", """{"rope_scaling": {"type": "longrope", "short_factor": [1,1,1,1,1,1,1,1], "long_factor": [2,2,2,2,2,2,2,2]}}""").LongFrom);
    }

    [Theory]
    [InlineData("phi3", """{"rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}}""", "short_factor: found 1 numbers, expected 8")]
    [InlineData("phi3", """{"rope_scaling": {"type": "longrope", "short_factor": [1,1,1,1,1,1,1,0], "long_factor": [1.0]}}""", "short_factor: found 0, expected numbers greater than 0")]
    [InlineData("phi3", """{"rope_scaling": {"type": "longrope", "long_factor": [1.0]}}""", "no short_factor")]
    [InlineData("phi3", """{"partial_rotary_factor": 1.5}""", "partial_rotary_factor: found 1.5, expected at most 1")]
    [InlineData("smollm3", """{"no_rope_layers": [1, 0]}""", "no_rope_layers: found 2 entries, expected 4")]
    [InlineData("mixtral", """{"num_local_experts": 2, "num_experts_per_tok": 3}""", "num_experts_per_tok: found 3, expected at most the 2 experts")]
    [InlineData("mixtral", """{"num_local_experts": 1000000}""", "num_local_experts: found 1000000, expected at most 4096")]
    [InlineData("gemma3_text", """{"use_bidirectional_attention": true}""", "use_bidirectional_attention = true is not supported")]
    [InlineData("gemma2", """{"attn_logit_softcapping": -1}""", "attn_logit_softcapping: found -1")]
    [InlineData("olmo2", """{"clip_qkv": 8.0}""", "clip_qkv = 8.0 is not supported")]
    [InlineData("llama", """{"rope_parameters": {"full_attention": {"rope_type": "default"}}}""", "rope_parameters")]
    public void Read_UnusableOption_RefusedByItsName(string family, string keys, string expected)
        => Assert.Contains(expected, Assert.ThrowsAny<HybridEngineException>(() => Read(family, keys)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_Gemma3_LocalLayersHaveTheirOwnWindowAndFrequencies()
    {
        DecoderConfig c = Read("gemma3_text", """{"sliding_window": 8, "sliding_window_pattern": 2, "rope_theta": 50000.0, "rope_local_base_freq": 100.0, "query_pre_attn_scalar": 4}""");
        Assert.Equal(new[] { 8, 0, 8, 0 }, c.Windows);
        Assert.Equal(Math.Pow(100, -2.0 / 16), c.RotaryOf(0)!.InverseFrequencies[1], 1e-15);
        Assert.Equal(Math.Pow(50000, -2.0 / 16), c.RotaryOf(1)!.InverseFrequencies[1], 1e-15);
        Assert.Equal((0.5f, 0f, 8f), (c.AttentionScale, c.AttentionSoftCap, c.EmbeddingScale));
        Assert.Equal(20f, Read("gemma3_text", """{"final_logit_softcapping": 20.0}""").LogitSoftCap);
    }

    [Fact]
    public void Read_Gemma2_NullCapsAreNone()
    {
        DecoderConfig none = Read("gemma2", """{"attn_logit_softcapping": null, "final_logit_softcapping": null}"""), absent = Read("gemma2", "{}");
        Assert.Equal((0f, 0f), (none.AttentionSoftCap, none.LogitSoftCap));
        Assert.Equal((50f, 30f), (absent.AttentionSoftCap, absent.LogitSoftCap));
    }

    [Fact]
    public void Read_Qwen3Moe_SparseStepAndListedLayers()
    {
        DecoderConfig c = Read("qwen3_moe", """{"num_experts": 6, "num_experts_per_tok": 3, "decoder_sparse_step": 2, "mlp_only_layers": [3], "moe_intermediate_size": 40, "norm_topk_prob": true}""");
        Assert.Equal(new[] { false, true, false, false }, c.Experts!.Layers);
        Assert.Equal((6, 3, 40, true), (c.Experts.Count, c.Experts.PerToken, c.Experts.IntermediateSize, c.Experts.NormalizeWeights));
    }

    [Theory]
    [InlineData("llama", 10000)]
    [InlineData("mixtral", 1e6)]
    [InlineData("smollm3", 2e6)]
    [InlineData("gemma3_text", 1e6)]
    public void Read_NoRopeTheta_TransformersDefault(string family, double theta) =>
        Assert.Equal(Math.Pow(theta, -2.0 / 16), Read(family, "{}").Rotary!.InverseFrequencies[1], 1e-15);

    [Fact]
    public void Read_GptNeoAttentionTypes_RepeatedAndChecked()
    {
        const string Keys = """{"num_layers": 4, "num_heads": 4, "window_size": 9, "attention_types": [[["global", "local"], 2]]}""";
        Assert.Equal(new[] { 0, 9, 0, 9 }, Read("gpt_neo", Keys).Windows);
        Assert.Contains("4 layers in all", Assert.ThrowsAny<HybridEngineException>(() => Read("gpt_neo", Keys.Replace("2]", "2000000000]"))).Message, StringComparison.Ordinal);
        Assert.Contains("found 2 layers, expected 4", Assert.ThrowsAny<HybridEngineException>(() => Read("gpt_neo", Keys.Replace("2]", "1]"))).Message, StringComparison.Ordinal);
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
