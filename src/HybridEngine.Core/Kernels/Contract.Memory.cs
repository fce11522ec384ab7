namespace HybridEngine.Core;

// IDeviceMemory and IConversionKernels.
public static partial class Contract
{
    /// <summary>Checks <see cref="IDeviceMemory.Upload"/> (<paramref name="name"/> is "destination") and <see cref="IDeviceMemory.Download"/> ("source").</summary>
    /// <param name="device">The backend's device.</param>
    /// <param name="tensor">The tensor of the device.</param>
    /// <param name="name">Its argument name.</param>
    /// <param name="count">Host elements.</param>
    /// <param name="size">Bytes of a host element.</param>
    public static void Transfer(DeviceKind device, Tensor tensor, string name, long count, int size)
    {
        if (tensor.IsEmpty) { throw new ArgumentException($"{name} is missing.", name); }
        RequireDevice(device, tensor, name);
        RequireContiguous(tensor, name);
        long units = tensor.Count / tensor.DType.BlockLength();
        bool whole = size == tensor.DType.BlockBytes() && count == units;
        // Block types have no host type of their own: bytes will do.
        bool bytes = size == 1 && count == tensor.DType.Bytes(tensor.Count);
        if (!whole && !bytes) { throw Wrong(name, $"{tensor}", $"{count} elements of {size} bytes"); }
    }

    /// <summary>Checks <see cref="IDeviceMemory.Copy"/>.</summary>
    public static void Copy(DeviceKind device, Tensor source, Tensor destination)
    {
        if (source.IsEmpty) { throw new ArgumentException("source is missing.", nameof(source)); }
        RequireShape(device, source, nameof(source), source.DType, source.Shape);
        RequireShape(device, destination, nameof(destination), source.DType, source.Shape);
        RequireDisjoint(destination, nameof(destination), source, nameof(source), exactAllowed: true);
    }

    /// <summary>Checks <see cref="IDeviceMemory.Zero"/>.</summary>
    public static void Zero(DeviceKind device, Tensor tensor)
    {
        if (tensor.IsEmpty) { throw new ArgumentException("tensor is missing.", nameof(tensor)); }
        RequireShape(device, tensor, nameof(tensor), tensor.DType, tensor.Shape);
    }

    /// <summary>Checks <see cref="IConversionKernels.Convert"/>.</summary>
    public static void Convert(DeviceKind device, Tensor source, Tensor destination)
    {
        RequireConvertible(device, source, nameof(source));
        RequireConvertible(device, destination, nameof(destination));
        if (source.Count != destination.Count) { throw Wrong(nameof(destination), $"{destination}", $"{source.Count} elements, as source"); }
        RequireDisjoint(destination, nameof(destination), source, nameof(source));
    }

    private static void RequireConvertible(DeviceKind device, Tensor tensor, string name)
    {
        if (tensor.IsEmpty) { throw new ArgumentException($"{name} is missing.", name); }
        if (tensor.DType is not (DType.Float32 or DType.BFloat16 or DType.Float16 or DType.Q8_0 or DType.Q4_0 or DType.Q4_1))
        {
            throw Wrong(name, $"{tensor}", "Float32, BFloat16, Float16, Q8_0, Q4_0 or Q4_1");
        }

        RequireDevice(device, tensor, name);
        RequireContiguous(tensor, name);
        if (tensor.Count % tensor.DType.BlockLength() != 0) { throw Wrong(name, $"{tensor}", $"whole blocks of {tensor.DType.BlockLength()}"); }
    }
}
