using System.Text.Json;
using Xunit;

namespace HybridEngine.Models.Tests;

/// <summary>Tokenizers through a GGUF file: the same ids, and the keys that llama.cpp reads where it has the kind.</summary>
public sealed class GgufVocabularyTests
{
    [SkippableTheory]
    [InlineData("gpt2", "gpt2", "gpt-2")]
    [InlineData("smollm", "gpt2", "smollm")]
    [InlineData("llama3", "gpt2", "llama-bpe")]
    [InlineData("qwen2", "gpt2", "qwen2")]
    [InlineData("deepseek_v3", "gpt2", "deepseek-v3")]
    [InlineData("neox", "gpt2", "gpt-2")]
    [InlineData("llama2", "llama", null)]
    [InlineData("gemma", "llama", null)]
    [InlineData("phi3", "llama", null)]
    [InlineData("mistral_metaspace_first", "llama", null)]
    [InlineData("roberta_prefix_space", "no_vocab", null)]
    [InlineData("clip", "no_vocab", null)]
    public void Convert_TokenizerJson_KindNamedAndIdsEqual(string folder, string kind, string? pre)
    {
        using TemporaryFolder temporary = new();
        string source = Golden.Shared("golden", "tokenizers_hf", folder), model = temporary.File("model"), gguf = temporary.File("model.gguf"), back = temporary.File("back");
        Tokenizer original = Tokenizer.Load(source);
        WriteModel(model, original, source);

        ConversionResult result = ModelConverter.Convert(model, gguf);
        ModelConverter.Convert(gguf, back);

        using ModelFiles file = ModelFiles.Open(gguf), folderAgain = ModelFiles.Open(back);
        Assert.Equal(kind, file.Gguf!.Text("tokenizer.ggml.model"));
        Assert.Equal(pre, file.Gguf.Text("tokenizer.ggml.pre"));
        Assert.Equal(kind == "no_vocab", result.Notes.Any(note => note.Contains("llama.cpp takes ids only", StringComparison.Ordinal)));
        Tokenizer read = file.LoadTokenizer()!, readAgain = folderAgain.LoadTokenizer()!;
        Assert.Equal(original.EosTokenId, read.EosTokenId);
        Assert.Equal(original.BosTokenId, read.BosTokenId);
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(source, "cases.json")));
        foreach (JsonElement item in cases.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!;
            Assert.Equal(original.Encode(text), read.Encode(text));
            Assert.Equal(original.Encode(text), readAgain.Encode(text));
        }
    }

    [SkippableTheory]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    [InlineData("smollm")]
    [InlineData("deepseek_v3")]
    [InlineData("llama2")]
    public void FromGguf_KeysAlone_SameIdsAsTheTokenizerJson(string folder)
    {
        using TemporaryFolder temporary = new();
        string source = Golden.Shared("golden", "tokenizers_hf", folder), model = temporary.File("model"), gguf = temporary.File("model.gguf");
        Tokenizer original = Tokenizer.Load(source);
        WriteModel(model, original, source);
        ModelConverter.Convert(model, gguf);
        using ModelFiles file = ModelFiles.Open(gguf);
        GgufMetadata keys = new(gguf);
        foreach ((string key, object value) in file.Gguf!.Where(p => p.Key != GgufVocabulary.WholeJson)) { keys[key] = value; }

        Tokenizer read = Tokenizer.FromGguf(keys, gguf);

        using JsonDocument cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(source, "cases.json")));
        foreach (JsonElement item in cases.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!;
            Assert.Equal(original.Encode(text, addSpecialTokens: false), read.Encode(text, addSpecialTokens: false));
        }
    }

    [Fact]
    public void Convert_ModelWithoutTokenizer_SaysSoAndKeepsTheIds()
    {
        using TemporaryFolder temporary = new();
        string gguf = temporary.File("model.gguf");
        ModelConverter.Convert(Golden.Local("models", "llama"), gguf);

        using ModelFiles original = ModelFiles.Open(Golden.Local("models", "llama")), file = ModelFiles.Open(gguf);

        Assert.Equal("no_vocab", file.Gguf!.Text("tokenizer.ggml.model"));
        Assert.Null(file.LoadTokenizer());
        Assert.Equal((original.Config.BosTokenId, original.Config.PadTokenId), (file.Config.BosTokenId, file.Config.PadTokenId));
        Assert.Equal(original.Config.EosTokenIds, file.Config.EosTokenIds);
    }

    // One narrow block with a tokenizer's vocabulary.
    private static void WriteModel(string folder, Tokenizer tokenizer, string tokenizerFolder)
    {
        string json = $$"""
            {"model_type": "llama", "vocab_size": {{tokenizer.VocabularySize}}, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64,
             "rms_norm_eps": 1e-05, "tie_word_embeddings": true, "bos_token_id": {{Id(tokenizer.BosTokenId)}}, "eos_token_id": {{Id(tokenizer.EosTokenId)}}}
            """;
        DecoderConfig config = ModelFamilies.ReadConfig(new ConfigReader("test", JsonInput.Parse("test", System.Text.Encoding.UTF8.GetBytes(json))));
        ModelWriter.Save(folder, ModelFamilies.Bind(config), new Ones(), new ModelSaveOptions { ConfigJson = json, WriteTokenizer = target => TokenizerFiles.Copy(tokenizerFolder, target) });

        static string Id(int? id) => id?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "null";
    }

    private sealed class Ones : IParameterSource
    {
        public void Read(ParameterBinding binding, Span<float> destination) => destination.Fill(1);
    }
}
