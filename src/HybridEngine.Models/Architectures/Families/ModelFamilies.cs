using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>All families that the engine runs. A new one is a file in this folder and a line here.</summary>
public static class ModelFamilies
{
    private static readonly ModelFamily[] _all =
    [
        new LlamaFamily(), new MistralFamily(), new Qwen2Family(), new Qwen3Family(), new GemmaFamily(), new Gemma2Family(), new Gemma3Family(), new Olmo2Family(), new SmolLm3Family(),
        new MixtralFamily(), new Qwen3MoeFamily(), new Phi3Family(), new PhiFamily(), new OptFamily(), new Gpt2Family(), new GptNeoFamily(), new GptJFamily(), new GptNeoXFamily(), new BloomFamily(),
    ];

    /// <summary>Their names, comma-separated, for messages.</summary>
    public static string Names => string.Join(", ", _all.Select(f => f.Name));

    /// <summary>The family of this <c>model_type</c>.</summary>
    /// <exception cref="UnsupportedException">There is none; the message lists those that are.</exception>
    public static ModelFamily Get(string source, string modelType)
        => Find(modelType) ?? throw new UnsupportedException(source, $"model_type {modelType}", Names);

    /// <summary>The family of this <c>model_type</c>, or null.</summary>
    public static ModelFamily? Find(string modelType) => Array.Find(_all, f => f.Name == modelType);

    /// <summary>Reads a configuration with its family.</summary>
    public static DecoderConfig ReadConfig(ConfigReader config)
        => Get(config.Source, config.Text("model_type") ?? throw new InvalidInputException(config.Source, "no model_type", $"one of {Names}")).Read(config);

    /// <summary>Reads a <c>config.json</c> alone, for a model that starts from random weights.</summary>
    /// <returns>The decoder's configuration, and the file's JSON to be saved with the trained weights.</returns>
    public static (DecoderConfig Config, string Json) ReadConfigFile(string path)
    {
        JsonElement json = JsonInput.ReadFile(path);
        return (ReadConfig(new ConfigReader(path, json)), json.GetRawText());
    }

    /// <summary>The parameters of a configuration, by its family's tensor names.</summary>
    public static IReadOnlyList<ParameterBinding> Bind(DecoderConfig config) => Get("configuration", config.Family).Bind(config);
}
