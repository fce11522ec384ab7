using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

public sealed partial class ModelFiles
{
    private static readonly string[] _heads = ["score.weight", "v_head.weight", "value_head.weight"];

    private static readonly string[] _maskBuffers = [".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias"];

    private static ModelFiles OpenFolder(string folder)
    {
        string configPath = System.IO.Path.Combine(folder, "config.json");
        // A run's folder keeps its model one level down; its own config.json is the run's.
        if (!SafetensorsFolder.Exists(folder) && File.Exists(System.IO.Path.Combine(folder, "model", "config.json"))) { return OpenFolder(System.IO.Path.Combine(folder, "model")); }
        if (!File.Exists(configPath) && LoraFiles.Exists(folder)) { throw new InvalidInputException(folder, "a LoRA adapter", "the model that it belongs to, with the adapter beside it (--adapter)"); }
        if (!File.Exists(configPath)) { throw new InvalidInputException(folder, "no config.json", "a folder in Hugging Face layout"); }
        JsonElement json = JsonInput.ReadFile(configPath);
        ConfigReader reader = new(configPath, json);
        DecoderConfig config = ModelFamilies.ReadConfig(reader);

        string? generationJson = null;
        GenerationDefaults generation = new();
        string generationPath = System.IO.Path.Combine(folder, "generation_config.json");
        if (File.Exists(generationPath))
        {
            JsonElement root = JsonInput.ReadFile(generationPath);
            generationJson = root.GetRawText();
            generation = GenerationDefaults.Read(new ConfigReader(generationPath, root));
            if (generation.EosTokenIds.FirstOrDefault(id => id >= config.VocabularySize, -1) is >= 0 and int id)
            {
                throw new InvalidInputException($"{generationPath}: eos_token_id", $"{id}", $"an id below vocab_size, {config.VocabularySize}");
            }

            if (generation.EosTokenIds.Count > 0) { config = config with { EosTokenIds = generation.EosTokenIds }; }
        }

        SafetensorsFolder weights = SafetensorsFolder.Open(folder);
        try
        {
            // A reward model or critic has a scalar head in place of the vocabulary's; its decoder is the body alone.
            ModelFamily family = ModelFamilies.Get(configPath, config.Family);
            if (!config.TiedEmbeddings && !weights.Tensors.ContainsKey(family.HeadTensor) && !weights.Tensors.ContainsKey("lm_head.weight") && _heads.Any(weights.Tensors.ContainsKey)) { config = config with { TiedEmbeddings = true, HeadBias = false }; }
            string tokenizer = System.IO.Path.Combine(folder, "tokenizer.json");
            return new ModelFiles(folder, config, weights.Tensors, weights, binding => Find(folder, config, weights.Tensors, family, binding))
            {
                ConfigJson = json.GetRawText(),
                GenerationConfigJson = generationJson,
                Generation = generation,
                ChatTemplate = ReadChatTemplate(folder),
                TokenizerJsonPath = File.Exists(tokenizer) ? tokenizer : null,
            }.Verified(IsHarmless);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>The scalar head (of a reward model, or of the adapter that is merged in) as a tensor to write beside the decoder's, or null.</summary>
    internal TensorToWrite? ScalarHead()
    {
        if (_merged?.Score is { } score) { return new TensorToWrite("score.weight", DType.Float32, [1, score.Length], values => score.CopyTo(values, 0)); }
        return _heads.Select(Tensors.GetValueOrDefault).FirstOrDefault(t => t is not null) is { } stored
            ? new TensorToWrite(stored.Name, DType.Float32, stored.Shape, values => stored.Read(values)) : null;
    }

    // Checkpoints of the bare body (openai-community/gpt2 among them) leave the body's prefix out.
    private static ParameterLocation Find(string folder, DecoderConfig config, IReadOnlyDictionary<string, StoredTensor> tensors, ModelFamily family, ParameterBinding binding)
    {
        if (Named(binding.TensorName) is { } tensor) { return new ParameterLocation(tensor, binding); }
        if (UnconvertedTensors.Of(config, family.Names, binding) is { } other && Named(other.Stored.TensorName) is { } unconverted)
        {
            return new ParameterLocation(unconverted, other.Stored) { Shape = other.Shape };
        }

        throw Missing(folder, binding.TensorName, config);

        StoredTensor? Named(string name) => tensors.TryGetValue(name, out StoredTensor? found)
            || (name.StartsWith(family.BodyPrefix, StringComparison.Ordinal) && tensors.TryGetValue(name[family.BodyPrefix.Length..], out found)) ? found : null;
    }

    // Buffers that transformers once saved, a head that is tied to the embedding, and scalar heads.
    private static bool IsHarmless(string name)
        => name == "lm_head.weight" || _heads.Contains(name) || name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
            || _maskBuffers.Any(end => name.EndsWith(end, StringComparison.Ordinal));

    private static string? ReadChatTemplate(string folder)
    {
        string jinja = System.IO.Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(jinja)) { return TextInput.ReadFile(jinja); }
        string path = System.IO.Path.Combine(folder, "tokenizer_config.json");
        if (!File.Exists(path) || !JsonInput.ReadFile(path).TryGetProperty("chat_template", out JsonElement template)) { return null; }
        switch (template.ValueKind)
        {
            case JsonValueKind.Null: return null;
            case JsonValueKind.String: return template.GetString();
            case JsonValueKind.Array:
                foreach (JsonElement named in template.EnumerateArray())
                {
                    if (named.ValueKind == JsonValueKind.Object && named.TryGetProperty("name", out JsonElement name) && name.ValueKind == JsonValueKind.String && name.GetString() == "default"
                        && named.TryGetProperty("template", out JsonElement text) && text.ValueKind == JsonValueKind.String)
                    {
                        return text.GetString();
                    }
                }

                return null;
            default: throw new InvalidInputException($"{path}: chat_template", $"a JSON {JsonInput.Kind(template)}", "a string or an array of named templates");
        }
    }
}
