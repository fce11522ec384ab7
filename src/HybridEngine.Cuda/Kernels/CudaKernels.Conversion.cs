using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    private const int CastColumns = 512;

    private static readonly Kernel _narrow = new("conversion.cast", "cast_f32_bf16", threads: 128), _widen = new("conversion.cast", "cast_bf16_f32", threads: 128);

    /// <inheritdoc />
    public void Convert(Tensor source, Tensor destination)
    {
        Contract.Convert(Device, source, destination);
        switch (source.DType, destination.DType)
        {
            case var (from, to) when from == to:
                Copy(source.View(source.Count), destination.View(source.Count));
                break;
            case (DType.Float32, DType.BFloat16) or (DType.BFloat16, DType.Float32):
                // As rows, so that the grid suffices for any number.
                long whole = source.Count / (1 << 20);
                Cast(source.View(source.Count).Slice(0, 0, whole << 20).View(whole, 1 << 20), destination.View(source.Count).Slice(0, 0, whole << 20).View(whole, 1 << 20));
                Cast(source.View(1, source.Count).Slice(1, whole << 20, source.Count - (whole << 20)), destination.View(1, source.Count).Slice(1, whole << 20, source.Count - (whole << 20)));
                break;
            default:
                throw Missing($"Convert from {source.DType} to {destination.DType}");
        }
    }

    // Rows [rows, width] of float32 to bf16 (nearest even), or back.
    private void Cast(Tensor source, Tensor destination) => _device.Launch(source.DType == DType.Float32 ? _narrow : _widen, new Grid(source.Shape[0], Grid.Pieces(source.Shape[1], CastColumns)), new CastArguments
    {
        From = At(source), FromStride = RowStride(source), To = At(destination), ToStride = RowStride(destination), Width = Int(source.Shape[1]),
    });
}
