using HybridEngine.Core;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public void Convert(Tensor source, Tensor destination)
    {
        Contract.Convert(Device, source, destination);
        const int Chunk = 32;
        Span<float> values = stackalloc float[Chunk];
        for (long start = 0; start < source.Count; start += Chunk)
        {
            Span<float> chunk = values[..(int)Math.Min(Chunk, source.Count - start)];
            Read(source, start, chunk);
            Write(chunk, destination, start);
        }
    }

    private static void Read(Tensor source, long start, Span<float> values)
    {
        Tensor part = source.View(source.Count).Rows(start, values.Length);
        switch (source.DType)
        {
            case DType.Float32: part.AsSpan<float>().CopyTo(values); break;
            case DType.Float16: for (int i = 0; i < values.Length; i++) { values[i] = (float)part.AsSpan<Half>()[i]; } break;
            case DType.BFloat16: for (int i = 0; i < values.Length; i++) { values[i] = BFloat16.ToFloat(part.AsSpan<ushort>()[i]); } break;
            default: Blocks.Dequantize(source.DType, Bytes(part), values); break;
        }
    }

    private static void Write(ReadOnlySpan<float> values, Tensor destination, long start)
    {
        Tensor part = destination.View(destination.Count).Rows(start, values.Length);
        switch (destination.DType)
        {
            case DType.Float32: values.CopyTo(part.AsSpan<float>()); break;
            case DType.Float16: for (int i = 0; i < values.Length; i++) { part.AsSpan<Half>()[i] = (Half)values[i]; } break;
            case DType.BFloat16: for (int i = 0; i < values.Length; i++) { part.AsSpan<ushort>()[i] = BFloat16.FromFloat(values[i]); } break;
            default: Blocks.Quantize(destination.DType, values, Bytes(part)); break;
        }
    }
}
