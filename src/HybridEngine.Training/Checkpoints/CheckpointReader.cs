using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>A checkpoint whose files have all been verified.</summary>
public sealed class CheckpointReader
{
    private readonly JsonElement _optimizers;

    internal CheckpointReader(string folder)
    {
        Folder = folder;
        CheckpointLayout.VerifyManifest(folder);
        string path = Path.Combine(folder, CheckpointLayout.StateFile);
        JsonElement root = CheckpointLayout.ReadJson(path);
        try
        {
            int version = root.GetProperty("version").GetInt32();
            if (version != CheckpointLayout.Version) { throw new UnsupportedException(path, $"checkpoint version {version}", $"{CheckpointLayout.Version}"); }
            Step = root.GetProperty("step").GetInt64();
            NumericVariant = root.GetProperty("numeric_variant").GetString()!;
            (_optimizers, State) = (root.GetProperty("optimizers"), root.GetProperty("state"));
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidInputException(path, e.Message.TrimEnd('.'), "the state of a checkpoint");
        }
    }

    /// <summary>The checkpoint's folder.</summary>
    public string Folder { get; }

    /// <summary>Optimizer steps taken.</summary>
    public long Step { get; }

    /// <summary>Of the backend that wrote it; on another, the run goes on with other last bits.</summary>
    public string NumericVariant { get; }

    /// <summary>The run's own state.</summary>
    public JsonElement State { get; }

    /// <summary>Whether there is a model of this name.</summary>
    public bool HasModel(string name) => Directory.Exists(Path.Combine(Folder, name));

    /// <summary>Overwrites a model's weights.</summary>
    /// <param name="name">As it was added.</param>
    /// <param name="decoder">A model of the same shape.</param>
    /// <param name="head">Its scalar head, or null.</param>
    /// <exception cref="HybridEngineException">The model is missing or of another shape.</exception>
    public void LoadModel(string name, Decoder decoder, ScalarHead? head = null)
    {
        using ModelFiles files = ModelFiles.Open(Path.Combine(Folder, name));
        decoder.Set(files);
        head?.Set(files);
    }

    /// <summary>Overwrites an optimizer's step count and moments.</summary>
    /// <param name="name">As it was added.</param>
    /// <param name="optimizer">One over the same parameters.</param>
    /// <exception cref="HybridEngineException">The optimizer is missing or belongs to other parameters.</exception>
    public void LoadOptimizer(string name, AdamWOptimizer optimizer)
    {
        if (!_optimizers.TryGetProperty(name, out JsonElement steps)) { throw new InvalidInputException(Folder, $"no optimizer '{name}'", "one of that name"); }
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Folder, CheckpointLayout.OptimizerFile(name)));
        foreach (AdamWOptimizer.Moments m in optimizer.State)
        {
            m.Parameter.Set(m.FirstMatrix, m.First, Read(file, CheckpointLayout.First, m.Parameter));
            m.Parameter.Set(m.SecondMatrix, m.Second, Read(file, CheckpointLayout.Second, m.Parameter));
        }

        optimizer.StepCount = steps.GetInt64();
    }

    private static float[] Read(SafetensorsFile file, string prefix, Parameter parameter)
    {
        StoredTensor tensor = file[prefix + parameter.Name];
        return tensor.Count == (long)parameter.Rows * parameter.Columns ? tensor.ToArray()
            : throw new InvalidInputException($"{file.Path}: tensor {tensor.Name}", $"{tensor.Count} values", $"{(long)parameter.Rows * parameter.Columns}");
    }
}
