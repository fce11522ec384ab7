using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Copies a model into another format or element type: folder in Hugging Face layout, GGUF, and from llama2.c.</summary>
public static class ModelConverter
{
    /// <summary>Converts <paramref name="input"/> to <paramref name="output"/>.</summary>
    /// <param name="input">Anything that <see cref="ModelFiles.Open(string)"/> opens.</param>
    /// <param name="output">A <c>.gguf</c> file, or a folder. Replaced as a whole when it exists.</param>
    /// <param name="type">Type of the matrices; null keeps the input's own (a folder cannot hold block types: float32 then).</param>
    /// <param name="adapter">A LoRA adapter's folder, to be added into the weights; or null.</param>
    /// <exception cref="HybridEngineException">The input is unsound, the output cannot hold the model or be written; nothing is left behind.</exception>
    public static ConversionResult Convert(string input, string output, StoredType? type = null, string? adapter = null)
    {
        using ModelFiles model = adapter is null ? ModelFiles.Open(input) : ModelFiles.Open(input, adapter);
        if (Path.GetExtension(output).Equals(".gguf", StringComparison.OrdinalIgnoreCase))
        {
            if (Directory.Exists(output)) { throw new InvalidInputException(output, "a folder", "a file to write"); }
            StoredType matrices = type ?? (model.WeightType == StoredType.F64 ? StoredType.F32 : model.WeightType);
            // Types that are only read have no quantizer: what to write instead is the caller's choice.
            if (!matrices.IsWritable) { throw new UnsupportedException(output, $"writing {matrices.Name} (the input's own type; name another with --quantize or --dtype)", StoredType.WritableNames); }
            GgufExport export = new(model, matrices);
            GgufWriter.Write(output, export.Metadata, export.Tensors);
            IReadOnlyList<string> lost = model.ScalarHead() is { } head ? [$"{head.Name}, the scalar head of a reward model, has no place in GGUF and is left out"] : [];
            return new ConversionResult(output, matrices, export.Tensors.Count, export.Tensors.Sum(t => t.ByteCount)) { Notes = [.. export.Notes, .. lost] };
        }

        if (File.Exists(output) || Path.GetExtension(output) is ".bin" or ".safetensors") { throw new UnsupportedException(output, "this kind of output", "a .gguf file or a folder"); }
        StoredType stored = type ?? (model.WeightType is { DType: DType.Float32 or DType.Float16 or DType.BFloat16 } own ? own : StoredType.F32);
        if (stored.DType is not (DType.Float32 or DType.Float16 or DType.BFloat16)) { throw new UnsupportedException(output, $"{stored.Name} in a folder of safetensors", "float32, float16, bfloat16, or a .gguf file"); }
        ModelSaveOptions options = ModelSaveOptions.Like(model) with { DType = stored.DType.Value, ExtraTensors = model.ScalarHead() is { } score ? [score] : [] };
        ModelWriter.Save(output, model.Bindings, model, options);
        TensorToWrite[] written = [.. ModelWriter.Tensors(model.Bindings, model, stored.DType.Value), .. options.ExtraTensors];
        return new ConversionResult(output, stored, written.Length, written.Sum(t => t.ByteCount));
    }

    /// <summary>The stored type that the command line calls by this name: <c>float32</c>, <c>float16</c>, <c>bfloat16</c>, or GGUF's own name.</summary>
    /// <exception cref="InvalidInputException">No type that is written has this name.</exception>
    public static StoredType ParseType(string argument, string name) => name.ToLowerInvariant() switch
    {
        "float32" => StoredType.F32,
        "float16" => StoredType.F16,
        "bfloat16" => StoredType.BF16,
        _ => StoredType.FromGgmlName(name) is { IsWritable: true } type ? type : throw new InvalidInputException(argument, name, $"float32, float16, bfloat16, {StoredType.WritableNames.ToLowerInvariant()}"),
    };
}

/// <summary>What a conversion wrote.</summary>
/// <param name="Path">The file or folder.</param>
/// <param name="Type">Type of the matrices.</param>
/// <param name="Tensors">Number of tensors.</param>
/// <param name="Bytes">Their bytes.</param>
public sealed record ConversionResult(string Path, StoredType Type, int Tensors, long Bytes)
{
    /// <summary>What other programs make of the file, where it differs from what this engine does: one line each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
