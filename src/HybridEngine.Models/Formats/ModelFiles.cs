using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A model on disk, opened and checked: a folder in Hugging Face layout (ours included), a GGUF file, or a .bin of llama2.c. Configuration, parameters, and whatever text needs.</summary>
/// <remarks>Opening reads headers only and verifies that every parameter of the configuration is there with its shape and that nothing is left over; weights are mapped and decoded when asked for.</remarks>
public sealed partial class ModelFiles : IParameterSource, IDisposable
{
    private readonly IDisposable _owner;
    private readonly Func<ParameterBinding, ParameterLocation> _locate;

    private ModelFiles(string path, DecoderConfig config, IReadOnlyDictionary<string, StoredTensor> tensors, IDisposable owner, Func<ParameterBinding, ParameterLocation> locate)
        => (Path, Config, Tensors, Bindings, _owner, _locate) = (path, config, tensors, ModelFamilies.Bind(config), owner, locate);

    /// <summary>The folder or file.</summary>
    public string Path { get; }

    /// <summary>What the decoder needs to know. End tokens are those of <c>generation_config.json</c> where it names some.</summary>
    public DecoderConfig Config { get; }

    /// <summary>Every parameter, in the order of the forward pass.</summary>
    public IReadOnlyList<ParameterBinding> Bindings { get; }

    /// <summary>Everything that is stored, by the file's own names: what <see cref="Bindings"/> do not cover (a reward head) is read from here.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>The configuration as JSON, to be saved beside changed weights: the folder's own <c>config.json</c>, or one written from GGUF metadata.</summary>
    public required string ConfigJson { get; init; }

    /// <summary>The folder's <c>generation_config.json</c>, or null.</summary>
    public string? GenerationConfigJson { get; init; }

    /// <summary>Sampling defaults that the model's authors recommend.</summary>
    public GenerationDefaults Generation { get; init; } = new();

    /// <summary>Source text of the Jinja chat template, or null.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>Path of <c>tokenizer.json</c>, or null.</summary>
    public string? TokenizerJsonPath { get; init; }

    /// <summary>The type that most weight values have: the checkpoint's own.</summary>
    public StoredType WeightType => _merged is not null ? ((ModelFiles)_owner).WeightType
        : Bindings.Where(b => !b.IsVector).Select(b => _locate(b).Tensor).GroupBy(t => t.Type).OrderByDescending(g => g.Sum(t => t.Count)).First().Key;

    /// <summary>Bytes of all tensors.</summary>
    public long TotalBytes => Tensors.Values.Sum(t => t.ByteCount);

    /// <summary>Opens a folder in Hugging Face layout, a <c>.gguf</c> file, or a <c>.bin</c> of llama2.c.</summary>
    /// <exception cref="HybridEngineException">A file is missing, damaged or not supported; one line says which and why.</exception>
    public static ModelFiles Open(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        AtomicFolder.Recover(path);
        if (Directory.Exists(path)) { return OpenFolder(path); }
        if (!File.Exists(path)) { throw new InvalidInputException(path, "no such file or folder", "a model folder or a .gguf file"); }
        return System.IO.Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".gguf" => OpenGguf(path),
            ".bin" => OpenLlama2c(path),
            ".safetensors" => throw new UnsupportedException(path, "a lone .safetensors file", "the folder that holds it and its config.json"),
            _ => throw new UnsupportedException(path, "this kind of file", "a folder in Hugging Face layout, a .gguf file, or a .bin of llama2.c"),
        };
    }

    /// <summary>Reads a parameter row-major in the decoder's orientation: fused parts cut out, transposed and permuted layouts undone, types decoded.</summary>
    /// <param name="binding">One of <see cref="Bindings"/>.</param>
    /// <param name="destination">[rows, columns] float32, exactly that long.</param>
    public void ReadParameter(ParameterBinding binding, Span<float> destination)
    {
        if (destination.Length != (long)binding.Rows * binding.Columns)
        {
            throw new ArgumentException($"{destination.Length} values for {binding.TensorName} [{binding.Rows}, {binding.Columns}]", nameof(destination));
        }

        if (_merged is not null) { _merged.Read(binding, destination); }
        else { _locate(binding).Read(destination); }
        GC.KeepAlive(this);
    }

    void IParameterSource.Read(ParameterBinding binding, Span<float> destination) => ReadParameter(binding, destination);

    DType? IParameterSource.StoredType(ParameterBinding binding) => _merged is null ? _locate(binding).StoredType : null;

    void IParameterSource.ReadStored(ParameterBinding binding, Span<byte> destination)
    {
        _locate(binding).ReadStored(destination);
        GC.KeepAlive(this);
    }

    /// <summary>Reads a stored tensor by its name in the file, row-major, as float32.</summary>
    /// <exception cref="InvalidInputException">There is no such tensor.</exception>
    public void ReadTensor(string name, Span<float> destination)
    {
        if (!Tensors.TryGetValue(name, out StoredTensor? tensor)) { throw new InvalidInputException(Path, $"no tensor {name}", "one of that name"); }
        tensor.Read(destination);
        GC.KeepAlive(this);
    }

    /// <summary>The model's tokenizer: of the folder, of the GGUF metadata, or llama2.c's vocabulary beside the file.</summary>
    /// <returns>null when there is none.</returns>
    /// <exception cref="HybridEngineException">It is damaged or of an unsupported kind.</exception>
    public Tokenizer? LoadTokenizer()
        => Gguf is { } metadata ? GgufVocabulary.IsIn(metadata) ? Tokenizer.FromGguf(metadata, Path) : null
        : TokenizerJsonPath is not null ? Tokenizer.Load(Path)
        : VocabularyPath is { } vocabulary ? Tokenizer.Load(vocabulary) : null;

    /// <inheritdoc />
    public void Dispose() => _owner.Dispose();

    private static InvalidInputException Missing(string path, string tensor, DecoderConfig config) => new(path, $"no tensor {tensor}", $"one of that name in a {config.Family} model");

    // Every parameter must be there, readable and of the right shape, before anybody allocates for it.
    private ModelFiles Verified(Func<string, bool> mayBeUnused)
    {
        HashSet<StoredTensor> used = [];
        foreach (ParameterBinding binding in Bindings)
        {
            ParameterLocation location = _locate(binding);
            StoredTensor tensor = location.Tensor;
            used.Add(tensor);
            string where = $"{tensor.FilePath}: tensor {tensor.Name}";
            if (!tensor.Shape.SequenceEqual(location.Shape)) { throw new InvalidInputException(where, StoredTensor.Describe(tensor.Shape), $"{StoredTensor.Describe(location.Shape)} by the configuration"); }
            if (!tensor.Type.HoldsWeights) { throw new UnsupportedException(where, $"element type {tensor.Type.Name}", StoredType.ReadableNames); }
        }

        // A tensor without a place means that the configuration does not describe this model (a bias that would be dropped, more layers): refuse rather than run it wrong.
        if (Tensors.Values.FirstOrDefault(t => !used.Contains(t) && !mayBeUnused(t.Name)) is { } extra)
        {
            throw new UnsupportedException($"{extra.FilePath}: tensor {extra}", $"a part that the configuration does not describe", $"the tensors of a {Config.Family} decoder");
        }

        return this;
    }
}
