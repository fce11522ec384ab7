using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    private static readonly Kernel _rotary = new("position.rotary", "rotary_f32", threads: 128);

    /// <inheritdoc />
    public void Rotary(Tensor x, Tensor positions, Tensor table, RotaryLayout layout, bool inverse = false)
    {
        Contract.Rotary(Device, x, positions, table);
        if (table.Shape[1] == 0) { return; }
        _device.Launch(_rotary, new Grid(x.Shape[0]), new RotaryArguments
        {
            X = At(x), Positions = At(positions), Table = At(table), TokenStride = RowStride(x), HeadStride = x.Shape[2],
            Heads = Int(x.Shape[1]), Rotary = Int(table.Shape[1]), TableRows = Int(table.Shape[0]), Interleaved = Flag(layout == RotaryLayout.Interleaved), Inverse = Flag(inverse),
        });
    }
}
