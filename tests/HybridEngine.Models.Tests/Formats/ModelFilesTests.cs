using System.Text.Json;
using System.Text.Json.Nodes;
using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

public sealed class ModelFilesTests
{
    public static TheoryData<string> Names => [.. Golden.Models];

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void Open_GoldenModel_EveryStoredValueBelongsToExactlyOneParameter(string name)
    {
        using ModelFiles model = ModelFiles.Open(Golden.Model(name));

        long parameters = model.Bindings.Sum(b => (long)b.Rows * b.Columns), stored = model.Tensors.Values.Sum(t => t.Count);
        Assert.Equal(stored, parameters);
        Assert.Equal(model.Bindings.Count, model.Bindings.Select(b => (b.Role, b.Layer, b.IsBias, b.Expert)).Distinct().Count());
        // The sum over all parameters equals the sum over all tensors: nothing is read twice or left out.
        Assert.Equal(model.Tensors.Values.Sum(t => t.ToArray().Sum(v => (double)v)), model.Bindings.Sum(b => Read(model, b).Sum(v => (double)v)), 1e-6);
    }

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void ReadConfig_Transformers4And5Keys_SameDecoder(string name)
    {
        string folder = Golden.Model(name);
        DecoderConfig old = ReadConfig(Path.Combine(folder, "config.json")), current = ReadConfig(Path.Combine(folder, "config.v5.json"));

        Assert.Equal(JsonSerializer.Serialize(old), JsonSerializer.Serialize(current));
    }

    [Fact]
    public void ReadParameter_FusedAndTransposedGpt2_PartsOfTheStoredTensor()
    {
        using ModelFiles model = ModelFiles.Open(Golden.Local("models", "gpt2"));
        float[] stored = model.Tensors["transformer.h.1.attn.c_attn.weight"].ToArray(), bias = model.Tensors["transformer.h.1.attn.c_attn.bias"].ToArray();
        foreach ((ParameterRole role, int part) in new[] { (ParameterRole.Query, 0), (ParameterRole.Key, 1), (ParameterRole.Value, 2) })
        {
            float[] weight = Read(model, Find(model, role, 1, bias: false));
            for (int r = 0; r < 64; r++)
            {
                for (int c = 0; c < 64; c++) { Assert.Equal(stored[c * 192 + part * 64 + r], weight[r * 64 + c]); }
            }

            Assert.Equal(bias[(part * 64)..(part * 64 + 64)], Read(model, Find(model, role, 1, bias: true)));
        }
    }

    [Fact]
    public void Open_BareBodyWithoutPrefix_ReadsTheSameValues()
    {
        using TemporaryFolder temporary = new();
        string folder = temporary.CopyOf(Golden.Local("models", "gpt2"), "bare"), file = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(file);
        int header = BitConverter.ToInt32(bytes);
        string json = System.Text.Encoding.UTF8.GetString(bytes, 8, header), renamed = json.Replace("\"transformer.", "\"").PadRight(json.Length);
        System.Text.Encoding.UTF8.GetBytes(renamed).CopyTo(bytes, 8);
        File.WriteAllBytes(file, bytes);

        using ModelFiles full = ModelFiles.Open(Golden.Local("models", "gpt2")), bare = ModelFiles.Open(folder);

        Assert.True(bare.Tensors.ContainsKey("h.0.attn.c_attn.weight"));
        foreach (ParameterBinding b in full.Bindings) { Assert.Equal(Read(full, b), Read(bare, b)); }
    }

    [SkippableTheory]
    [InlineData("mixtral")]
    [InlineData("qwen3-moe")]
    [InlineData("gpt-neox")]
    public void Open_NamesThatTransformers5HasInMemory_ReadsTheSameValues(string name)
    {
        using TemporaryFolder temporary = new();
        string folder = temporary.CopyOf(Golden.Model(name), "unconverted");
        using ModelFiles converted = ModelFiles.Open(Golden.Model(name));
        List<TensorToWrite> tensors = [];
        foreach ((string key, StoredTensor tensor) in converted.Tensors)
        {
            if (key.Contains(".experts.", StringComparison.Ordinal)) { continue; }
            string renamed = key.Replace("block_sparse_moe.", "mlp.", StringComparison.Ordinal).Replace("embed_out.", "lm_head.", StringComparison.Ordinal);
            tensors.Add(new TensorToWrite(renamed, DType.Float32, tensor.Shape, values => tensor.Read(values)));
        }

        foreach (IGrouping<int, ParameterBinding> layer in converted.Bindings.Where(b => b.Expert >= 0).GroupBy(b => b.Layer))
        {
            void Add(string projection, params ParameterRole[] roles)
            {
                ParameterBinding[] parts = [.. layer.Where(b => roles.Contains(b.Role)).OrderBy(b => b.Expert).ThenBy(b => b.Role)];
                long[] shape = [parts.Length / roles.Length, roles.Length * parts[0].Rows, parts[0].Columns];
                tensors.Add(new TensorToWrite($"model.layers.{layer.Key}.mlp.experts.{projection}", DType.Float32, shape, values => parts.SelectMany(p => Read(converted, p)).ToArray().CopyTo(values, 0)));
            }

            Add("gate_up_proj", ParameterRole.Gate, ParameterRole.Up);
            Add("down_proj", ParameterRole.Down);
        }

        SafetensorsWriter.WriteFolder(folder, tensors);
        using ModelFiles unconverted = ModelFiles.Open(folder);
        Assert.DoesNotContain(unconverted.Tensors.Keys, k => k.Contains("block_sparse_moe", StringComparison.Ordinal) || k.Contains("embed_out", StringComparison.Ordinal));
        Assert.Equal(converted.Bindings, unconverted.Bindings);
        foreach (ParameterBinding b in converted.Bindings) { Assert.Equal(Read(converted, b), Read(unconverted, b)); }
    }

    [Theory]
    [InlineData("hidden_act", "\"quick_gelu\"", "hidden_act = \"quick_gelu\"")]
    [InlineData("rope_scaling", "{\"rope_type\": \"longrope\", \"factor\": 2.0}", "no short_factor")]
    [InlineData("rope_scaling", "{\"type\": \"mrope\", \"factor\": 2.0}", "type = \"mrope\"")]
    [InlineData("final_logit_softcapping", "30.0", "final_logit_softcapping = 30.0")]
    [InlineData("quantization_config", "{\"quant_method\": \"gptq\"}", "quantization_config")]
    [InlineData("partial_rotary_factor", "0.5", "partial_rotary_factor = 0.5")]
    [InlineData("model_type", "\"mamba\"", "model_type mamba is not supported (supported: llama, mistral, qwen2, ")]
    [InlineData("hidden_size", "0", "hidden_size: found 0, expected an integer from 1 to")]
    [InlineData("hidden_size", "-64", "hidden_size: found -64")]
    [InlineData("num_hidden_layers", "1e9", "num_hidden_layers: found 1000000000")]
    [InlineData("vocab_size", "\"many\"", "vocab_size: found \"many\", expected an integer")]
    [InlineData("num_key_value_heads", "3", "4 query heads and 3 key heads")]
    [InlineData("num_attention_heads", "5", "num_attention_heads: found 5, expected a divisor of hidden_size 64")]
    [InlineData("eos_token_id", "160", "special token id 160")]
    [InlineData("rms_norm_eps", "0", "rms_norm_eps: found 0")]
    [InlineData("num_hidden_layers", "3", "no tensor model.layers.2.input_layernorm.weight")]
    [InlineData("num_hidden_layers", "1", "a part that the configuration does not describe is not supported")]
    [InlineData("intermediate_size", "113", "found [112, 64], expected [113, 64] by the configuration")]
    [InlineData("attention_bias", "true", "no tensor model.layers.0.self_attn.q_proj.bias")]
    public void Open_UnusableConfiguration_OneLineNamesTheKey(string key, string value, string expected)
    {
        using TemporaryFolder temporary = new();
        string folder = temporary.CopyOf(Golden.Local("models", "llama"), "changed"), path = Path.Combine(folder, "config.json");
        JsonObject config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config[key] = JsonNode.Parse(value);
        File.WriteAllText(path, config.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => ModelFiles.Open(folder).Dispose());

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Open_GenerationConfig_ItsEndTokensWin()
    {
        using TemporaryFolder temporary = new();
        string folder = temporary.CopyOf(Golden.Local("models", "llama"), "model");
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"eos_token_id": [5, 7], "temperature": 0.6, "top_k": 20, "do_sample": true}""");

        using ModelFiles model = ModelFiles.Open(folder);

        Assert.Equal([5, 7], model.Config.EosTokenIds);
        Assert.Equal((0.6, 20, true), (model.Generation.Temperature!.Value, model.Generation.TopK!.Value, model.Generation.Sample!.Value));
    }

    [Fact]
    public void Open_MissingPath_SaysSo()
    {
        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => ModelFiles.Open("no/such/model"));
        Assert.Equal("no/such/model: found no such file or folder, expected a model folder or a .gguf file", error.Message);
    }

    internal static float[] Read(ModelFiles model, ParameterBinding binding)
    {
        float[] values = new float[binding.Rows * binding.Columns];
        model.ReadParameter(binding, values);
        return values;
    }

    internal static ParameterBinding Find(ModelFiles model, ParameterRole role, int layer, bool bias) => model.Bindings.Single(b => b.Role == role && b.Layer == layer && b.IsBias == bias);

    private static DecoderConfig ReadConfig(string path) => ModelFamilies.ReadConfig(new ConfigReader(path, JsonInput.ReadFile(path)));
}
