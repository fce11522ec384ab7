using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Copies a model into another format or element type: folder in Hugging Face layout, GGUF, and from llama2.c.</summary>
public static class ModelConverter
{
    /// <summary>Converts <paramref name="input"/> to <paramref name="output"/>.</summary>
    /// <param name="input">Anything that <see cref="ModelFiles.Open"/> opens.</param>
    /// <param name="output">A <c>.gguf</c> file, or a folder. Replaced as a whole when it exists.</param>
    /// <param name="dtype">Type of the matrices; null keeps the input's own (a folder cannot hold block types: float32 then).</param>
    /// <exception cref="HybridEngineException">The input is unsound, the output cannot hold the model or be written; nothing is left behind.</exception>
    public static ConversionResult Convert(string input, string output, DType? dtype = null)
    {
        using ModelFiles model = ModelFiles.Open(input);
        if (Path.GetExtension(output).Equals(".gguf", StringComparison.OrdinalIgnoreCase))
        {
            if (Directory.Exists(output)) { throw new InvalidInputException(output, "a folder", "a file to write"); }
            DType type = dtype ?? Writable(model.StoredDType);
            GgufMetadata metadata = GgufExport.Metadata(model, type);
            GgufVocabulary.Write(model, metadata);
            IReadOnlyList<TensorToWrite> tensors = GgufExport.Tensors(model, type);
            GgufWriter.Write(output, metadata, tensors);
            return new ConversionResult(output, type, tensors.Count, tensors.Sum(t => t.ByteCount));
        }

        if (File.Exists(output) || Path.GetExtension(output) is ".bin" or ".safetensors") { throw new UnsupportedException(output, "this kind of output", "a .gguf file or a folder"); }
        DType stored = dtype ?? (model.StoredDType.BlockLength() > 1 ? DType.Float32 : Writable(model.StoredDType));
        if (stored.BlockLength() > 1) { throw new UnsupportedException(output, $"{stored} in a folder of safetensors", "float32, float16, bfloat16, or a .gguf file"); }
        ModelSaveOptions options = ModelSaveOptions.Like(model) with { DType = stored };
        ModelWriter.Save(output, model.Bindings, model, options);
        TensorToWrite[] written = [.. ModelWriter.Tensors(model.Bindings, model, stored)];
        return new ConversionResult(output, stored, written.Length, written.Sum(t => t.ByteCount));
    }

    /// <summary>The engine type that the command line calls by this name.</summary>
    /// <exception cref="InvalidInputException">No type has this name.</exception>
    public static DType ParseDType(string argument, string name) => name.ToLowerInvariant() switch
    {
        "float32" or "f32" => DType.Float32,
        "float16" or "f16" => DType.Float16,
        "bfloat16" or "bf16" => DType.BFloat16,
        "q8_0" => DType.Q8_0,
        "q4_0" => DType.Q4_0,
        "q4_1" => DType.Q4_1,
        _ => throw new InvalidInputException(argument, name, "float32, float16, bfloat16, q8_0, q4_0 or q4_1"),
    };

    private static DType Writable(DType dtype) => dtype is DType.Float64 ? DType.Float32 : dtype;
}

/// <summary>What a conversion wrote.</summary>
/// <param name="Path">The file or folder.</param>
/// <param name="DType">Type of the matrices.</param>
/// <param name="Tensors">Number of tensors.</param>
/// <param name="Bytes">Their bytes.</param>
public sealed record ConversionResult(string Path, DType DType, int Tensors, long Bytes);
