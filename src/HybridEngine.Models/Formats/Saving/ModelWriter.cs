using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>What a saved model holds besides its weights.</summary>
public sealed record ModelSaveOptions
{
    /// <summary>Stored type of all weights: Float32, BFloat16 or Float16.</summary>
    public DType DType { get; init; } = DType.Float32;

    /// <summary>The configuration, as transformers writes it; <c>torch_dtype</c> or <c>dtype</c> are set to <see cref="DType"/>.</summary>
    public required string ConfigJson { get; init; }

    /// <summary><c>generation_config.json</c>, or null for none.</summary>
    public string? GenerationConfigJson { get; init; }

    /// <summary>Writes the tokenizer's files into the folder it is given; null for none.</summary>
    public Action<string>? WriteTokenizer { get; init; }

    /// <summary>Tensors besides the decoder's: a reward head.</summary>
    public IReadOnlyList<TensorToWrite> ExtraTensors { get; init; } = [];

    /// <summary>Largest weight file, in bytes; beyond it, shards with an index.</summary>
    public long ShardBytes { get; init; } = 5_000_000_000;

    /// <summary>Everything but the weights as it was in the model that these come from.</summary>
    public static ModelSaveOptions Like(ModelFiles origin) => new()
    {
        ConfigJson = origin.ConfigJson,
        GenerationConfigJson = origin.GenerationConfigJson,
        WriteTokenizer = target => TokenizerFiles.Write(origin, target),
    };
}

/// <summary>Saves a model in Hugging Face layout, under transformers' tensor names (fused and transposed tensors as there), so that transformers, llama.cpp's converter and this engine read it.</summary>
public static class ModelWriter
{
    /// <summary>Writes a complete folder, or nothing.</summary>
    /// <param name="folder">Replaced as a whole when it exists.</param>
    /// <param name="bindings">All parameters of the model.</param>
    /// <param name="source">Their values: a decoder, or the files of another model.</param>
    /// <param name="options">Configuration, types, tokenizer.</param>
    /// <exception cref="HybridEngineException">The folder cannot be written, or holds what a saved model does not; what stood there is unchanged.</exception>
    public static void Save(string folder, IReadOnlyList<ParameterBinding> bindings, IParameterSource source, ModelSaveOptions options)
    {
        RefuseToReplaceOtherFiles(folder);
        AtomicFolder.Write(folder, target => Write(target, bindings, source, options));
    }

    private static void Write(string target, IReadOnlyList<ParameterBinding> bindings, IParameterSource source, ModelSaveOptions options)
    {
        SafetensorsWriter.WriteFolder(target, [.. Tensors(bindings, source, options.DType), .. options.ExtraTensors], options.ShardBytes);
        AtomicFile.WriteText(Path.Combine(target, "config.json"), WithDType(options.ConfigJson, options.DType));
        if (options.GenerationConfigJson is { } generation) { AtomicFile.WriteText(Path.Combine(target, "generation_config.json"), generation); }
        options.WriteTokenizer?.Invoke(target);
    }

    // Saving replaces the whole folder: what no saved model holds (somebody's home, a folder of notes) must not go with it.
    private static void RefuseToReplaceOtherFiles(string folder)
    {
        if (File.Exists(folder)) { throw new InvalidInputException(folder, "a file", "a folder to save a model in"); }
        if (!Directory.Exists(folder)) { return; }
        foreach (string entry in Directory.EnumerateFileSystemEntries(folder))
        {
            string name = Path.GetFileName(entry);
            bool known = File.Exists(entry) && (name is "config.json" or "generation_config.json" || name.EndsWith(".safetensors", StringComparison.Ordinal)
                || name.EndsWith(".safetensors.index.json", StringComparison.Ordinal) || TokenizerFiles.Knows(name));
            if (!known) { throw new InvalidInputException(folder, $"{name} in it", "a new or empty folder, or one that holds nothing but a saved model"); }
        }
    }

    /// <summary>The stored tensors of a model, under transformers' names: parts joined, Conv1D weights turned back.</summary>
    internal static IEnumerable<TensorToWrite> Tensors(IReadOnlyList<ParameterBinding> bindings, IParameterSource source, DType dtype)
        => bindings.GroupBy(b => b.TensorName).Select(group =>
        {
            ParameterBinding[] parts = [.. group];
            ParameterBinding first = parts[0];
            long[] shape = first.IsVector ? [first.FusedRows] : first.Transposed ? [first.Columns, first.FusedRows] : [first.FusedRows, first.Columns];
            return new TensorToWrite(group.Key, dtype, shape, values => Join(parts, source, values));
        });

    /// <summary>Joins the parts of one stored tensor.</summary>
    internal static void Join(IReadOnlyList<ParameterBinding> parts, IParameterSource source, Span<float> values)
    {
        foreach (ParameterBinding part in parts)
        {
            int rows = part.Rows, columns = part.Columns;
            if (!part.Transposed || part.IsVector)
            {
                JoinRuns(part, source, values);
                continue;
            }

            float[] rowMajor = new float[rows * columns];
            source.Read(part, rowMajor);
            for (int c = 0; c < columns; c++)
            {
                Span<float> stored = values.Slice(c * part.FusedRows + part.RowStart, rows);
                for (int r = 0; r < rows; r++) { stored[r] = rowMajor[r * columns + c]; }
            }
        }
    }

    private static void JoinRuns(ParameterBinding part, IParameterSource source, Span<float> values)
    {
        int columns = part.Columns;
        if (part.RunRows == 0)
        {
            source.Read(part, values.Slice(part.RowStart * columns, part.Rows * columns));
            return;
        }

        float[] rowMajor = new float[part.Rows * columns];
        source.Read(part, rowMajor);
        foreach ((int row, int stored, int count) in part.Runs()) { rowMajor.AsSpan(row * columns, count * columns).CopyTo(values[(stored * columns)..]); }
    }

    private static string WithDType(string configJson, DType dtype)
    {
        JsonObject config = JsonNode.Parse(configJson)!.AsObject();
        string name = dtype switch { DType.Float32 => "float32", DType.BFloat16 => "bfloat16", DType.Float16 => "float16", _ => throw new UnsupportedException("dtype", $"{dtype} in Hugging Face layout", "float32, bfloat16, float16") };
        // transformers 5 writes dtype, 4 wrote torch_dtype: keep the file's generation.
        config[config.ContainsKey("dtype") ? "dtype" : "torch_dtype"] = name;
        return config.ToJsonString(SavedJson.Indented) + "\n";
    }
}
