using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void Convert(Tensor source, Tensor destination)
    {
        Contract.Convert(Device, source, destination);
        NativeMethods.he_convert(_context, source.Count, (int)source.DType, Pointer(source), (int)destination.DType, Pointer(destination)).Check();
    }
}
