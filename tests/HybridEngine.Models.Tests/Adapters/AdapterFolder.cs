using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Models.Tests;

/// <summary>An adapter in PEFT's layout in a folder of its own, to be damaged in one place.</summary>
internal sealed class AdapterFolder : IDisposable
{
    private readonly Dictionary<string, (long[] Shape, float[] Values, DType DType)> _tensors = [];

    public string Path { get; } = Directory.CreateTempSubdirectory("he-adapter-").FullName;

    public JsonObject Config { get; } = new() { ["peft_type"] = "LORA", ["r"] = 2, ["lora_alpha"] = 4, ["target_modules"] = new JsonArray("q_proj"), ["bias"] = "none" };

    public AdapterFolder Set(string option, JsonNode? value)
    {
        Config[option] = value;
        return this;
    }

    public AdapterFolder Targets(params string[] modules) => Set("target_modules", new JsonArray([.. modules.Select(m => (JsonNode)m)]));

    /// <summary>A tensor under PEFT's prefix.</summary>
    public AdapterFolder Tensor(string name, float[] values, params long[] shape)
    {
        _tensors["base_model.model." + name] = (shape, values, DType.Float32);
        return this;
    }

    public AdapterFolder Tensor(string name, params long[] shape) => Tensor(name, new float[shape.Aggregate(1L, (n, e) => n * e)], shape);

    /// <summary>A and B of a module.</summary>
    public AdapterFolder Module(string name, int outputs, int inputs, int rank = 2) => Tensor(name + ".lora_A.weight", rank, inputs).Tensor(name + ".lora_B.weight", outputs, rank);

    public AdapterFolder Remove(string name)
    {
        _tensors.Remove("base_model.model." + name);
        return this;
    }

    /// <summary>Writes everything; the folder's path.</summary>
    public string Write()
    {
        File.WriteAllText(System.IO.Path.Combine(Path, "adapter_config.json"), Config.ToJsonString());
        SafetensorsWriter.Write(System.IO.Path.Combine(Path, "adapter_model.safetensors"),
            _tensors.Select(t => new TensorToWrite(t.Key, t.Value.DType, t.Value.Shape, v => t.Value.Values.CopyTo(v, 0))));
        return Path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
