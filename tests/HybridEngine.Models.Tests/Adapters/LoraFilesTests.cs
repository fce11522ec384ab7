using System.Text.Json.Nodes;
using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Models.Tests;

/// <summary>What an adapter's folder may hold, and one clear line about everything else.</summary>
public sealed class LoraFilesTests
{
    private const string Q = "model.layers.0.self_attn.q_proj";

    [Theory]
    [InlineData("peft_type", "\"IA3\"", "peft_type")]
    [InlineData("bias", "\"all\"", "bias")]
    [InlineData("use_qalora", "true", "use_qalora")]
    [InlineData("target_parameters", "[\"experts.gate\"]", "target_parameters")]
    [InlineData("trainable_token_indices", "[5]", "trainable_token_indices")]
    [InlineData("layer_replication", "[[0, 2]]", "layer_replication")]
    [InlineData("alora_invocation_tokens", "[1, 2]", "alora_invocation_tokens")]
    [InlineData("megatron_config", "{\"a\": 1}", "megatron_config")]
    [InlineData("an_option_of_tomorrow", "true", "an_option_of_tomorrow")]
    [InlineData("init_lora_weights", "\"pissa\"", "init_lora_weights")]
    public void Open_OptionThatChangesTheResult_IsRefusedByName(string option, string value, string named)
    {
        using AdapterFolder adapter = new();
        string message = Assert.Throws<UnsupportedException>(() => LoraFiles.Open(adapter.Module(Q, 64, 64).Set(option, JsonNode.Parse(value)).Write())).Message;
        Assert.Contains(named, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("use_qalora", "false")]
    [InlineData("qalora_group_size", "16")]
    [InlineData("an_option_of_tomorrow", "null")]
    [InlineData("another_of_tomorrow", "{}")]
    [InlineData("init_lora_weights", "true")]
    [InlineData("init_lora_weights", "\"gaussian\"")]
    [InlineData("lora_dropout", "0.1")]
    [InlineData("target_modules", "\"all-linear\"")]
    [InlineData("layers_to_transform", "[0]")]
    public void Open_OptionThatChangesNothing_IsAccepted(string option, string value)
    {
        using AdapterFolder adapter = new();
        using LoraFiles files = LoraFiles.Open(adapter.Module(Q, 64, 64).Set(option, JsonNode.Parse(value)).Write());
        Assert.Equal(2, files.Modules.Single().Scale);
    }

    [Theory]
    [InlineData("r", "0", "r: found 0")]
    [InlineData("r", "3", "expected [3, 64] by the rank")]
    [InlineData("lora_alpha", "\"x\"", "lora_alpha")]
    [InlineData("lora_alpha", "0", "lora_alpha")]
    [InlineData("target_modules", "[\"q_proj\", \"k_proj\"]", "k_proj, which no stored tensor belongs to")]
    [InlineData("rank_pattern", "{\"q_proj\": 4}", "by the rank")]
    [InlineData("rank_pattern", "{\"q_(proj\": 4}", "rank_pattern")]
    [InlineData("rank_pattern", "{\"(?=q)q_proj\": 4}", "look-around")]
    [InlineData("alpha_pattern", "{\"((q|_|p){900}){900}\": 4}", "alpha_pattern")]
    [InlineData("use_dora", "true", "no lora_magnitude_vector")]
    [InlineData("lora_bias", "true", "no lora_B.bias")]
    public void Open_ConfigurationThatDoesNotFit_IsRefused(string option, string value, string named)
    {
        using AdapterFolder adapter = new();
        string message = Assert.ThrowsAny<HybridEngineException>(() => LoraFiles.Open(adapter.Module(Q, 64, 64).Set(option, JsonNode.Parse(value)).Write())).Message;
        Assert.Contains(named, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_TensorsThatDoNotFit_AreRefusedByName()
    {
        Refused("no lora_B of " + Q, a => a.Module(Q, 64, 64).Remove(Q + ".lora_B.weight"));
        Refused("no lora_A of " + Q, a => a.Module(Q, 64, 64).Remove(Q + ".lora_A.weight"));
        Refused("no part of LoRA", a => a.Module(Q, 64, 64).Tensor(Q + ".ia3_l", 64, 1));
        Refused("no part of LoRA", a => a.Module(Q, 64, 64).Tensor("model.norm.weight", 64));
        Refused("a bias", a => a.Module(Q, 64, 64).Tensor(Q + ".lora_B.bias", 64));
        Refused("matrices", a => a.Tensor(Q + ".lora_A.weight", 2, 64, 1, 1).Tensor(Q + ".lora_B.weight", 64, 2, 1, 1));
        Refused("by the rank", a => a.Module(Q, 64, 64).Tensor(Q + ".lora_B.weight", 64, 3));

        static void Refused(string named, Func<AdapterFolder, AdapterFolder> make)
        {
            using AdapterFolder adapter = new();
            Assert.Contains(named, Assert.ThrowsAny<HybridEngineException>(() => LoraFiles.Open(make(adapter).Write())).Message, StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public void Load_AdapterOfAnotherBase_IsRefusedByTensor()
    {
        using ModelFiles files = ModelFiles.Open(Golden.Model("llama"));
        Refused("module model.layers.9.self_attn.q_proj", a => a.Module("model.layers.9.self_attn.q_proj", 64, 64));
        Refused("q_proj, k_proj", a => a.Targets("c_attn").Module("transformer.h.0.attn.c_attn", 64, 64));
        Refused("[2, 64], by the base", a => a.Module(Q, 64, 32));
        Refused("[64, 2], by the base", a => a.Module(Q, 65, 64));
        Refused("resized vocabulary", a => a.Module(Q, 64, 64).Set("modules_to_save", new JsonArray("lm_head")).Tensor("lm_head.weight", 161, 64));
        Refused("modules_to_save", a => a.Module(Q, 64, 64).Set("modules_to_save", new JsonArray("norm")).Tensor("model.norm.weight", 64));
        Refused("lora_embedding_A", a => a.Targets("embed_tokens").Module("model.embed_tokens", 64, 160));

        void Refused(string named, Func<AdapterFolder, AdapterFolder> make)
        {
            using AdapterFolder adapter = new();
            Assert.Contains(named, Assert.ThrowsAny<HybridEngineException>(() => LoraWeights.Load(make(adapter).Write(), files.Config, files.Bindings)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Open_FilesMissingOrDamaged_AreRefused()
    {
        using AdapterFolder adapter = new();
        Assert.Contains("no adapter_config.json", Assert.Throws<InvalidInputException>(() => LoraFiles.Open(adapter.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("no such folder", Assert.Throws<InvalidInputException>(() => LoraFiles.Open(Path.Combine(adapter.Path, "none"))).Message, StringComparison.Ordinal);
        string weights = Path.Combine(adapter.Module(Q, 64, 64).Write(), "adapter_model.safetensors");
        Assert.Contains("adapter", Assert.Throws<InvalidInputException>(() => ModelFiles.Open(adapter.Path)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(weights, File.ReadAllBytes(weights)[..^9]);
        Assert.ThrowsAny<HybridEngineException>(() => LoraFiles.Open(adapter.Path));
        File.Move(weights, Path.Combine(adapter.Path, "adapter_model.bin"));
        Assert.Contains("pickle", Assert.Throws<UnsupportedException>(() => LoraFiles.Open(adapter.Path)).Message, StringComparison.Ordinal);
    }

    // As PEFT reads them: the whole name or its end after a dot; the first key that fits.
    [Theory]
    [InlineData("q_proj", 8, 6, 0.75)]
    [InlineData(".*layers\\.0.*", 8, 6, 0.75)]
    [InlineData("layers.0.self_attn.q_proj", 8, 6, 0.75)]
    [InlineData("proj", 2, 4, 2)]
    [InlineData("model.layers.1.self_attn.q_proj", 2, 4, 2)]
    public void Patterns_FitAsPeftsDo(string pattern, int rank, double alpha, double scale)
    {
        using AdapterFolder adapter = new();
        adapter.Set("rank_pattern", new JsonObject { [pattern] = 8, [".*"] = rank }).Set("alpha_pattern", new JsonObject { [pattern] = 6, [".*"] = alpha }).Module(Q, 64, 64, rank);
        using LoraFiles files = LoraFiles.Open(adapter.Write());
        Assert.Equal((rank, scale), (files.Modules[0].Rank, files.Modules[0].Scale));
        adapter.Set("use_rslora", true).Write();
        using LoraFiles stabilized = LoraFiles.Open(adapter.Path);
        Assert.Equal(alpha / Math.Sqrt(rank), stabilized.Modules[0].Scale, 1e-12);
    }

    [Fact]
    public void Open_RandomBytesInTheConfiguration_IsAnErrorOfTheUsersFile()
    {
        TestRandom random = new();
        using AdapterFolder adapter = new();
        string path = Path.Combine(adapter.Module(Q, 64, 64).Write(), "adapter_config.json");
        byte[] sound = File.ReadAllBytes(path);
        for (int i = 0; i < 300; i++)
        {
            byte[] damaged = [.. sound];
            for (int changes = random.Integer(1, 4); changes > 0; changes--) { damaged[random.Integer(0, damaged.Length)] = (byte)random.Integer(0, 256); }
            File.WriteAllBytes(path, damaged);
            try { LoraFiles.Open(adapter.Path).Dispose(); }
            catch (HybridEngineException) { /* one line for the user */ }
        }
    }
}
