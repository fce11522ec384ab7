using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>All tensors of a folder in Hugging Face layout: <c>model.safetensors</c>, or the shards that <c>model.safetensors.index.json</c> names.</summary>
public sealed class SafetensorsFolder : IDisposable
{
    private const string SingleName = "model.safetensors", IndexName = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, StoredTensor> _tensors = [];

    private SafetensorsFolder() { }

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <summary>The files, in the order in which they were opened.</summary>
    public IReadOnlyList<SafetensorsFile> Files => _files;

    /// <summary>True when the folder holds weights in this format.</summary>
    public static bool Exists(string folder) => File.Exists(Path.Combine(folder, IndexName)) || File.Exists(Path.Combine(folder, SingleName));

    /// <summary>Opens the single file or every shard; the index and the shards must agree exactly.</summary>
    /// <exception cref="HybridEngineException">A file is missing or unsound, or index and shards disagree.</exception>
    public static SafetensorsFolder Open(string folder)
    {
        SafetensorsFolder result = new();
        try
        {
            string index = Path.Combine(folder, IndexName), single = Path.Combine(folder, SingleName);
            if (File.Exists(index)) { result.OpenShards(folder, index); }
            else if (File.Exists(single)) { result.Add(SafetensorsFile.Open(single)); }
            else
            {
                string found = Directory.Exists(folder) && Directory.EnumerateFiles(folder, "pytorch_model*.bin").Any() ? "only PyTorch .bin weights" : "no weights";
                throw new InvalidInputException(folder, found, $"{SingleName} or {IndexName}");
            }

            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (SafetensorsFile file in _files) { file.Dispose(); }
    }

    private void OpenShards(string folder, string index)
    {
        JsonElement root = JsonInput.ReadFile(index);
        if (!root.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidInputException(index, "no weight_map", "an object that maps tensor names to shard files");
        }

        Dictionary<string, string> shardOf = [];
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            string shard = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "";
            // A shard is a file of this folder: a path that leads elsewhere (or back to the index) is refused.
            if (shard.Length == 0 || shard.IndexOfAny(['/', '\\', '\0']) >= 0 || !shard.EndsWith(".safetensors", StringComparison.Ordinal))
            {
                throw new InvalidInputException($"{index}: {entry.Name}", $"{entry.Value.GetRawText()}", "the name of a .safetensors file in the same folder");
            }

            shardOf.Add(entry.Name, shard);
        }

        foreach (string shard in shardOf.Values.Distinct().Order(StringComparer.Ordinal)) { Add(SafetensorsFile.Open(Path.Combine(folder, shard))); }
        foreach ((string name, string shard) in shardOf)
        {
            if (!_tensors.TryGetValue(name, out StoredTensor? tensor) || Path.GetFileName(tensor.FilePath) != shard)
            {
                throw new InvalidInputException($"{index}: {name}", $"no such tensor in {shard}", "every tensor of the index in its shard");
            }
        }

        if (_tensors.Keys.FirstOrDefault(name => !shardOf.ContainsKey(name)) is { } extra)
        {
            throw new InvalidInputException(_tensors[extra].FilePath, $"tensor {extra}, which the index does not name", "only tensors of the index");
        }
    }

    private void Add(SafetensorsFile file)
    {
        _files.Add(file);
        foreach ((string name, StoredTensor tensor) in file.Tensors)
        {
            if (!_tensors.TryAdd(name, tensor)) { throw new InvalidInputException(file.Path, $"tensor {name}, which {_tensors[name].FilePath} holds too", "every tensor once"); }
        }
    }
}
