using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>One adapted module as an adapter's file stores it.</summary>
/// <param name="Name">The module in the base, such as <c>model.layers.0.self_attn.q_proj</c>.</param>
/// <param name="Down">A: [rank, inputs]; of an embedding [rank, vocabulary].</param>
/// <param name="Up">B: [outputs, rank].</param>
/// <param name="Bias">[outputs] beside B, or null.</param>
/// <param name="Magnitude">[outputs] of a weight-decomposed module, or null.</param>
/// <param name="IsEmbedding">A and B of a token table.</param>
/// <param name="Rank">Rows of A.</param>
/// <param name="Scale">Multiplies B A.</param>
public sealed record StoredLoraModule(string Name, StoredTensor Down, StoredTensor Up, StoredTensor? Bias, StoredTensor? Magnitude, bool IsEmbedding, int Rank, double Scale);

/// <summary>An adapter's folder in PEFT's layout, opened and checked for itself: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.</summary>
/// <remarks>Every tensor has a place or is refused. Whether it fits a base is <see cref="LoraWeights"/>' to say.</remarks>
public sealed class LoraFiles : IDisposable
{
    /// <summary>The configuration's file name, by which a folder is an adapter.</summary>
    public const string ConfigName = "adapter_config.json";

    private const string WeightsName = "adapter_model.safetensors", Prefix = "base_model.model.";

    private readonly SafetensorsFile _file;

    private LoraFiles(string path, LoraConfig config, SafetensorsFile file)
    {
        (Path, Config, _file) = (path, config, file);
        (Modules, Saved) = new LoraTensorNames(file.Tensors.Values, Prefix).Sort(config);
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Rank, scale, options.</summary>
    public LoraConfig Config { get; }

    /// <summary>Adapted modules, in order of their names.</summary>
    public IReadOnlyList<StoredLoraModule> Modules { get; }

    /// <summary>Tensors that the adapter holds whole (<c>modules_to_save</c>), by their name in the base.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Saved { get; }

    /// <summary>Everything stored, by the file's names.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _file.Tensors;

    /// <summary>True when a folder holds an adapter.</summary>
    public static bool Exists(string folder) => File.Exists(System.IO.Path.Combine(folder, ConfigName));

    /// <summary>Opens a folder.</summary>
    /// <exception cref="HybridEngineException">A file is missing or damaged, or asks for what the engine does not have; one line names it.</exception>
    public static LoraFiles Open(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (!Directory.Exists(path)) { throw new InvalidInputException(path, File.Exists(path) ? "a file" : "no such folder", $"an adapter's folder with {ConfigName} and {WeightsName}"); }
        if (!Exists(path)) { throw new InvalidInputException(path, $"no {ConfigName}", "a LoRA adapter as PEFT saves it"); }
        LoraConfig config = LoraConfig.Read(System.IO.Path.Combine(path, ConfigName));
        string weights = System.IO.Path.Combine(path, WeightsName);
        if (!File.Exists(weights))
        {
            if (File.Exists(System.IO.Path.Combine(path, "adapter_model.bin"))) { throw new UnsupportedException(path, "adapter_model.bin, a Python pickle,", WeightsName); }
            throw new InvalidInputException(path, $"no {WeightsName}", "an adapter's weights");
        }

        SafetensorsFile file = SafetensorsFile.Open(weights);
        try
        {
            return new LoraFiles(path, config, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();
}
