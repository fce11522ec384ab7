using System.Text.Json;
using System.Text.Json.Nodes;
using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

public sealed class ConvertTests
{
    public static TheoryData<string> Ggufs => ["llama", "llama3-rope-tied", "llama-linear-rope-bias", "mistral", "gpt2", "qwen2", "qwen2-yarn", "qwen3", "gemma", "gemma2", "gemma3", "olmo2", "smollm3", "phi", "phi3", "gpt-neox", "gptj", "bloom", "mixtral", "qwen3-moe"];

    [SkippableTheory]
    [MemberData(nameof(Ggufs))]
    public void Convert_ToGgufAndBack_SameDecoderAndValues(string name)
    {
        using TemporaryFolder temporary = new();
        string gguf = temporary.File("model.gguf"), back = temporary.File("back");
        ModelConverter.Convert(Golden.Model(name), gguf);
        ModelConverter.Convert(gguf, back);

        using ModelFiles original = ModelFiles.Open(Golden.Model(name)), middle = ModelFiles.Open(gguf), end = ModelFiles.Open(back);
        Assert.Equal(Describe(original.Config), Describe(middle.Config));
        Assert.Equal(Describe(original.Config), Describe(end.Config));
        foreach (ParameterBinding b in original.Bindings)
        {
            float[] expected = ModelFilesTests.Read(original, b), read = ModelFilesTests.Read(middle, b), again = ModelFilesTests.Read(end, b);
            // GGUF holds Gemma's norm weights with 1 added: a sum and a difference, each rounded.
            float tolerance = name.StartsWith("gemma", StringComparison.Ordinal) && b is { IsVector: true, IsBias: false } ? 2.5e-7f : 0;
            for (int i = 0; i < expected.Length; i++) { Assert.True(Math.Abs(expected[i] - read[i]) <= tolerance && Math.Abs(expected[i] - again[i]) <= tolerance, $"{b.TensorName}[{i}]: {expected[i]:r}, {read[i]:r}, {again[i]:r}"); }
        }
    }

    [SkippableTheory]
    [InlineData("phi3", """{"max_position_embeddings": 512, "original_max_position_embeddings": 128, "rope_scaling": {"type": "longrope", "short_factor": [1, 1.1, 1.25, 1.5, 1, 2, 3, 4], "long_factor": [1.5, 2, 3, 4, 5, 6.5, 7, 8]}}""", 0)]
    [InlineData("phi3", """{"partial_rotary_factor": 0.75, "sliding_window": 16}""", 1)]
    [InlineData("gemma3", """{"query_pre_attn_scalar": 24, "sliding_window_pattern": 6}""", 0)]
    [InlineData("gemma2", """{"query_pre_attn_scalar": 24, "final_logit_softcapping": null}""", 0)]
    [InlineData("smollm3", """{"no_rope_layers": [1, 1, 1, 0]}""", 0)]
    [InlineData("qwen3", """{"use_sliding_window": true, "sliding_window": 8, "max_window_layers": 1}""", 1)]
    [InlineData("gpt-neox", """{"use_parallel_residual": false, "rotary_pct": 0.5}""", 0)]
    [InlineData("mixtral", """{"sliding_window": 12}""", 1)]
    [InlineData("llama", """{"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}""", 0)]
    public void Convert_OptionsOfAFamily_SurviveTheWayThereAndBack(string name, string changes, int notes)
    {
        using TemporaryFolder temporary = new();
        string model = Changed(temporary, name, changes), gguf = temporary.File("model.gguf"), back = temporary.File("back");

        ConversionResult result = ModelConverter.Convert(model, gguf);
        ModelConverter.Convert(gguf, back);

        using ModelFiles original = ModelFiles.Open(model), middle = ModelFiles.Open(gguf), end = ModelFiles.Open(back);
        Assert.Equal(Describe(original.Config with { Family = "" }), Describe(middle.Config with { Family = "" }));
        Assert.Equal(Describe(middle.Config), Describe(end.Config));
        Assert.Equal(notes, result.Notes.Count(note => note.Contains("llama.cpp", StringComparison.Ordinal)));
    }

    [SkippableTheory]
    [InlineData("bloom", """{"apply_residual_connection_post_layernorm": true}""", "NormPlacement")]
    [InlineData("gpt2", """{"scale_attn_by_inverse_layer_idx": true}""", "ScaleByLayer")]
    [InlineData("llama", """{"hidden_act": "gelu_pytorch_tanh"}""", "Activation")]
    public void Convert_OptionThatGgufCannotSay_RefusedByName(string name, string changes, string option)
    {
        using TemporaryFolder temporary = new();
        string model = Changed(temporary, name, changes), gguf = temporary.File("model.gguf");

        UnsupportedException error = Assert.Throws<UnsupportedException>(() => ModelConverter.Convert(model, gguf));

        Assert.Contains($"{option} = ", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(gguf));
    }

    [Fact]
    public void Convert_QuantizedTypesOfRowsThatDoNotFillBlocks_TakeTheNextType()
    {
        using TemporaryFolder temporary = new();
        string gguf = temporary.File("model.gguf");
        ModelConverter.Convert(Golden.Local("models", "llama"), gguf, StoredType.Q4_K);
        using GgufFile file = GgufFile.Open(gguf);

        // Rows of 64 and of 112, which blocks of 32 do not fill.
        Assert.Equal(StoredType.Q8_0, file.Tensors["token_embd.weight"].Type);
        Assert.Equal(StoredType.Q5_0, file.Tensors["blk.0.attn_q.weight"].Type);
        Assert.Equal(StoredType.F16, file.Tensors["blk.0.ffn_down.weight"].Type);
        Assert.Equal(StoredType.F32, file.Tensors["blk.0.attn_norm.weight"].Type);
        Assert.Equal(14, file.Metadata.Integer("general.file_type"));
    }

    [SkippableTheory]
    [InlineData("llama", "q8_0", 0.01)]
    [InlineData("llama", "q4_0", 0.2)]
    [InlineData("gpt2", "q4_1", 0.15)]
    [InlineData("gpt2", "q5_0", 0.1)]
    [InlineData("llama", "q5_1", 0.08)]
    [InlineData("qwen2", "float16", 0.001)]
    [InlineData("llama", "bfloat16", 0.005)]
    public void Convert_Quantized_ValuesWithinTheTypesError(string name, string dtype, double relative)
    {
        StoredType type = ModelConverter.ParseType("--quantize", dtype);
        using TemporaryFolder temporary = new();
        string gguf = temporary.File("model.gguf");
        ConversionResult result = ModelConverter.Convert(Golden.Model(name), gguf, type);
        using ModelFiles original = ModelFiles.Open(Golden.Model(name)), quantized = ModelFiles.Open(gguf);

        Assert.Equal(type, result.Type);
        Assert.Equal(type, quantized.WeightType);
        foreach (ParameterBinding b in original.Bindings)
        {
            float[] expected = ModelFilesTests.Read(original, b), actual = ModelFilesTests.Read(quantized, b);
            double error = Math.Sqrt(expected.Zip(actual).Sum(p => Math.Pow(p.First - p.Second, 2)) / expected.Sum(v => (double)v * v));
            Assert.True(error <= relative, $"{b.TensorName}: relative error {error}");
            Assert.True(b.IsVector || b.Role == ParameterRole.PositionEmbedding ? error == 0 : error > 0, $"{b.TensorName}: {error}");
        }
    }

    [SkippableFact]
    public void Convert_GgufWithVocabularyToFolderAndBack_TokenizerAndTemplateCome()
    {
        using TemporaryFolder temporary = new();
        string source = temporary.File("narrow.gguf"), folder = temporary.File("folder"), again = temporary.File("again.gguf");
        WriteNarrowModel(source, Golden.Shared("models", "SmolLM2-135M-Instruct.Q4_1.gguf"));
        ModelConverter.Convert(source, folder, StoredType.BF16);
        using ModelFiles gguf = ModelFiles.Open(source), copy = ModelFiles.Open(folder);

        Assert.Equal(Describe(gguf.Config), Describe(copy.Config));
        Assert.Equal(gguf.Config.EosTokenIds, copy.Config.EosTokenIds);
        Assert.Equal(gguf.ChatTemplate, copy.ChatTemplate);
        const string Text = "<|im_start|>user\nWhat is 1234 + 5?<|im_end|>\n  Ünïcode ✓";
        Assert.Equal(gguf.LoadTokenizer()!.Encode(Text), copy.LoadTokenizer()!.Encode(Text));

        // And from the folder to GGUF: the pre-tokenizer is recognised, the vocabulary is the same.
        ModelConverter.Convert(folder, again, StoredType.Q8_0);
        using ModelFiles last = ModelFiles.Open(again);
        Assert.Equal("smollm", last.Gguf!.Text("tokenizer.ggml.pre"));
        Assert.Equal(gguf.Gguf!.Texts("tokenizer.ggml.tokens"), last.Gguf.Texts("tokenizer.ggml.tokens"));
        Assert.Equal(gguf.LoadTokenizer()!.Encode(Text), last.LoadTokenizer()!.Encode(Text));
        Assert.Equal(gguf.Config.EosTokenIds, last.Config.EosTokenIds);
    }

    [SkippableFact]
    public void Convert_StoriesToGguf_SameTokens()
    {
        using TemporaryFolder temporary = new();
        string gguf = temporary.File("stories.gguf");
        ModelConverter.Convert(Golden.Shared("models", "stories260K.bin"), gguf);
        using ModelFiles original = ModelFiles.Open(Golden.Shared("models", "stories260K.bin")), copy = ModelFiles.Open(gguf);

        const string Text = "Lily's dog ran, \"oh no!\" — 日本";
        Assert.Equal(original.LoadTokenizer()!.Encode(Text), copy.LoadTokenizer()!.Encode(Text));
        Assert.Equal(original.Config.EosTokenIds.Order(), copy.Config.EosTokenIds.Order());
        foreach (ParameterBinding b in original.Bindings) { Assert.Equal(ModelFilesTests.Read(original, b), ModelFilesTests.Read(copy, b)); }
    }

    [Fact]
    public void Convert_OptToGguf_RefusedByName()
    {
        using TemporaryFolder temporary = new();
        UnsupportedException error = Assert.Throws<UnsupportedException>(() => ModelConverter.Convert(Golden.Local("models", "opt"), temporary.File("x.gguf")));
        Assert.Contains("model_type opt in GGUF is not supported", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(temporary.Path));
    }

    [Fact]
    public void Convert_BlockTypeToFolder_RefusedByName()
    {
        using TemporaryFolder temporary = new();
        UnsupportedException error = Assert.Throws<UnsupportedException>(() => ModelConverter.Convert(Golden.Local("models", "llama"), temporary.File("x"), StoredType.Q8_0));
        Assert.Contains("Q8_0 in a folder of safetensors", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_UnsupportedModel_ListsItAndSaysWhy()
    {
        using TemporaryFolder temporary = new();
        string folder = temporary.CopyOf(Golden.Local("models", "gpt2"), "x"), path = Path.Combine(folder, "config.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"gpt2\"", "\"gpt_bigcode\""));

        ModelInspection inspection = ModelInspector.Inspect(folder);

        Assert.False(inspection.Supported);
        Assert.Contains("model_type gpt_bigcode is not supported", inspection.Problem, StringComparison.Ordinal);
        Assert.Equal("gpt_bigcode", inspection.ModelType);
        Assert.Equal(28, inspection.Tensors.Count);
        Assert.Equal(("F32", 28, inspection.Bytes), inspection.Types.Single());
    }

    [SkippableFact]
    public void Inspect_VocabularyOnlyGguf_ListsMetadata()
    {
        ModelInspection inspection = ModelInspector.Inspect(Golden.Shared("golden", "tokenizers", "gpt-2.gguf"));

        Assert.Contains("no matrix token_embd.weight", inspection.Problem, StringComparison.Ordinal);
        Assert.Contains(inspection.Metadata, p => p is { Key: "tokenizer.ggml.merges", Value: "[50000 values]" });
        Assert.Equal("gpt2", inspection.ModelType);
    }

    [SkippableFact]
    public void Inspect_SupportedModels_ConfigurationAndTokenizer()
    {
        ModelInspection inspection = ModelInspector.Inspect(Golden.Shared("models", "SmolLM2-135M-Instruct.Q4_1.gguf"));

        Assert.True(inspection.Supported, inspection.Problem);
        Assert.Equal(134_515_008, inspection.Parameters);
        Assert.Equal("49152 tokens, with a chat template", inspection.Tokenizer);
        Assert.Equal("GGUF v3", inspection.Format);
    }

    // One block of width 32 with the vocabulary of another file.
    private static void WriteNarrowModel(string path, string vocabulary)
    {
        using GgufFile origin = GgufFile.Open(vocabulary);
        GgufMetadata metadata = new(path)
        {
            ["general.architecture"] = "llama", ["llama.block_count"] = 1u, ["llama.context_length"] = 64u, ["llama.embedding_length"] = 32u, ["llama.feed_forward_length"] = 32u,
            ["llama.attention.head_count"] = 2u, ["llama.attention.layer_norm_rms_epsilon"] = 1e-5f,
        };
        foreach ((string key, object value) in origin.Metadata.Where(p => p.Key.StartsWith("tokenizer.", StringComparison.Ordinal))) { metadata[key] = value; }
        Random random = new(7);
        void Fill(float[] values) { for (int i = 0; i < values.Length; i++) { values[i] = random.NextSingle() - 0.5f; } }
        List<TensorToWrite> tensors = [new("token_embd.weight", DType.Q8_0, [origin.Metadata.Texts("tokenizer.ggml.tokens")!.Length, 32], Fill), new("output_norm.weight", DType.Float32, [32], Fill)];
        foreach (string name in new[] { "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down" }) { tensors.Add(new($"blk.0.{name}.weight", DType.Float16, [32, 32], Fill)); }
        foreach (string name in new[] { "attn_norm", "ffn_norm" }) { tensors.Add(new($"blk.0.{name}.weight", DType.Float32, [32], Fill)); }
        GgufWriter.Write(path, metadata, tensors);
    }

    private static string Changed(TemporaryFolder temporary, string name, string changes)
    {
        string folder = temporary.CopyOf(Golden.Model(name), "changed"), path = Path.Combine(folder, "config.json");
        JsonObject config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(changes)!.AsObject()) { config[key] = value?.DeepClone(); }
        File.WriteAllText(path, config.ToJsonString());
        return folder;
    }

    private static string Describe(DecoderConfig config) => JsonSerializer.Serialize(config with { BosTokenId = null, EosTokenIds = [], PadTokenId = null });
}
