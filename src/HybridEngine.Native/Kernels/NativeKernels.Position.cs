using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void Rotary(Tensor x, Tensor positions, Tensor table, RotaryLayout layout, bool inverse = false)
    {
        Contract.Rotary(Device, x, positions, table);
        NativeMethods.he_rotary(_context, x.Shape[0], x.Shape[1], x.Shape[2], F32(x), x.Strides[0], x.Strides[1], I32(positions), F32(table), table.Shape[0], RowStride(table),
            table.Shape[1], Flag(layout == RotaryLayout.Interleaved), Flag(inverse)).Check();
    }
}
