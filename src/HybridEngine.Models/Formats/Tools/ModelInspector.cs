using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>One stored tensor, as <c>inspect</c> lists it.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="Type">The format's name of its element type.</param>
/// <param name="Shape">Extents, outermost first.</param>
/// <param name="Bytes">Bytes in the file.</param>
/// <param name="Readable">Whether the engine can read its values.</param>
public sealed record InspectedTensor(string Name, string Type, IReadOnlyList<long> Shape, long Bytes, bool Readable);

/// <summary>What a model on disk is, whether the engine runs it or not.</summary>
/// <param name="Path">What was inspected.</param>
/// <param name="Format">safetensors, GGUF v3, llama2.c.</param>
/// <param name="ModelType"><c>model_type</c> or GGUF's architecture; null when the files do not say.</param>
/// <param name="Config">The decoder's configuration, when the model is supported.</param>
/// <param name="Problem">Why the model cannot be run; null when it can.</param>
/// <param name="ConfigJson">The raw configuration, or null.</param>
/// <param name="Metadata">Scalar GGUF metadata or safetensors metadata; arrays are given by their length.</param>
/// <param name="Tensors">Everything stored, by name.</param>
/// <param name="Tokenizer">In words: vocabulary size and chat template, or why there is none.</param>
public sealed record ModelInspection(
    string Path, string Format, string? ModelType, DecoderConfig? Config, string? Problem, string? ConfigJson,
    IReadOnlyList<KeyValuePair<string, string>> Metadata, IReadOnlyList<InspectedTensor> Tensors, string Tokenizer)
{
    /// <summary>What the adapter is, when the folder holds one instead of a model.</summary>
    public LoraInspection? Adapter { get; init; }

    /// <summary>True when the engine generates with this model and trains it (or applies this adapter).</summary>
    public bool Supported => Problem is null;

    /// <summary>Number of stored values.</summary>
    public long Parameters => Tensors.Sum(t => t.Shape.Aggregate(1L, (n, extent) => n * extent));

    /// <summary>Bytes of all tensors.</summary>
    public long Bytes => Tensors.Sum(t => t.Bytes);

    /// <summary>Tensors and bytes by element type, largest first.</summary>
    public IReadOnlyList<(string Type, int Tensors, long Bytes)> Types => [.. Tensors.GroupBy(t => t.Type).Select(g => (g.Key, g.Count(), g.Sum(t => t.Bytes))).OrderByDescending(t => t.Item3)];
}

/// <summary>Looks at a model without running it: works for everything whose files are sound, supported or not.</summary>
public static class ModelInspector
{
    private const int LongestValue = 200;

    /// <summary>Inspects a folder in Hugging Face layout, a .gguf, .safetensors or llama2.c .bin file.</summary>
    /// <exception cref="HybridEngineException">There is no model, or its files are damaged.</exception>
    public static ModelInspection Inspect(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (Directory.Exists(path)) { return InspectFolder(path); }
        if (!File.Exists(path)) { throw new InvalidInputException(path, "no such file or folder", "a model folder, .gguf, .safetensors or llama2.c .bin file"); }
        return System.IO.Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".gguf" => InspectGguf(path),
            ".safetensors" => InspectSafetensors(path),
            ".bin" => InspectLlama2c(path),
            _ => throw new UnsupportedException(path, "this kind of file", "a model folder, .gguf, .safetensors or llama2.c .bin file"),
        };
    }

    private static ModelInspection InspectFolder(string folder)
    {
        if (!File.Exists(System.IO.Path.Combine(folder, "config.json")) && LoraFiles.Exists(folder)) { return LoraInspection.Inspect(folder, List); }
        if (!SafetensorsFolder.Exists(folder) && File.Exists(System.IO.Path.Combine(folder, "model", "config.json"))) { folder = System.IO.Path.Combine(folder, "model"); }
        using SafetensorsFolder weights = SafetensorsFolder.Open(folder);
        string configPath = System.IO.Path.Combine(folder, "config.json");
        JsonElement? json = File.Exists(configPath) ? JsonInput.ReadFile(configPath) : null;
        (DecoderConfig? config, string? problem, string tokenizer) = TryOpen(folder);
        string? type = json is { } root ? new ConfigReader(configPath, root).Text("model_type") : null;
        return new ModelInspection(folder, weights.Files.Count == 1 ? "safetensors" : $"safetensors, {weights.Files.Count} shards", type, config, problem, json?.GetRawText(),
            [.. weights.Files[0].Metadata], List(weights.Tensors.Values), tokenizer);
    }

    private static ModelInspection InspectGguf(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        (DecoderConfig? config, string? problem, string tokenizer) = TryOpen(path);
        return new ModelInspection(path, $"GGUF v{file.Version}", file.Metadata.Text("general.architecture"), config, problem, null,
            [.. file.Metadata.Select(p => KeyValuePair.Create(p.Key, Describe(p.Value)))], List(file.Tensors.Values), tokenizer);
    }

    private static ModelInspection InspectSafetensors(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return new ModelInspection(path, "safetensors", null, null, $"{path}: a model is the folder that holds this file and its config.json", null, [.. file.Metadata], List(file.Tensors.Values), "none in this file");
    }

    private static ModelInspection InspectLlama2c(string path)
    {
        using Llama2cFile file = Llama2cFile.Open(path);
        (DecoderConfig? config, string? problem, string tokenizer) = TryOpen(path);
        return new ModelInspection(path, "llama2.c", "llama", config, problem, file.Config.ToJsonString(SavedJson.Indented), [], List(file.Tensors.Values), tokenizer);
    }

    // Sound files of an unsupported model are no error here: the reason is part of the answer.
    private static (DecoderConfig? Config, string? Problem, string Tokenizer) TryOpen(string path)
    {
        try
        {
            using ModelFiles model = ModelFiles.Open(path);
            return (model.Config, null, DescribeTokenizer(model));
        }
        catch (HybridEngineException e)
        {
            return (null, e.Message, "not examined");
        }
    }

    private static string DescribeTokenizer(ModelFiles model)
    {
        try
        {
            return model.LoadTokenizer() is { } tokenizer ? $"{tokenizer.VocabularySize} tokens{(model.ChatTemplate is null ? "" : ", with a chat template")}" : "none";
        }
        catch (HybridEngineException e)
        {
            return e.Message;
        }
    }

    private static List<InspectedTensor> List(IEnumerable<StoredTensor> tensors)
        => [.. tensors.OrderBy(t => t.FilePath, StringComparer.Ordinal).ThenBy(t => t.Offset).Select(t => new InspectedTensor(t.Name, t.Type.Name, t.Shape, t.ByteCount, t.Type.IsReadable))];

    private static string Describe(object value)
    {
        string text = value is Array array ? $"[{array.Length} values]" : System.Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture)!;
        return text.Length <= LongestValue ? text : text[..LongestValue] + "...";
    }
}
