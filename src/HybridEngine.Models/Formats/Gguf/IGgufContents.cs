namespace HybridEngine.Models;

/// <summary>What a configuration is read from: a file, or one that is about to be written.</summary>
internal interface IGgufContents
{
    /// <summary>The file, as errors name it.</summary>
    string Path { get; }

    /// <summary>Key-value pairs.</summary>
    GgufMetadata Metadata { get; }

    /// <summary>Extents of a tensor, outermost first; null when there is none of this name.</summary>
    IReadOnlyList<long>? ShapeOf(string tensor);

    /// <summary>Values of a small table in F32; null when there is none of this name.</summary>
    /// <exception cref="Core.InvalidInputException">The tensor is of another type, or too large for a table.</exception>
    float[]? Table(string tensor);
}

/// <summary>A file that is about to be written.</summary>
internal sealed class GgufDraft(string path, GgufMetadata metadata, IReadOnlyList<TensorToWrite> tensors) : IGgufContents
{
    private readonly Dictionary<string, TensorToWrite> _tensors = tensors.ToDictionary(t => t.Name);

    public string Path => path;

    public GgufMetadata Metadata => metadata;

    public IReadOnlyList<long>? ShapeOf(string tensor) => _tensors.GetValueOrDefault(tensor)?.Shape;

    public float[]? Table(string tensor)
    {
        if (!_tensors.TryGetValue(tensor, out TensorToWrite? found)) { return null; }
        float[] values = new float[found.Count];
        found.Read(values);
        return values;
    }
}
