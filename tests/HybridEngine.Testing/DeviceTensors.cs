using HybridEngine.Core;

namespace HybridEngine.Testing;

/// <summary>Arrays to tensors of a device and back.</summary>
public static class DeviceTensors
{
    // Tests write k.Pack(k.Floats(values), w): a tensor without a name may be collected while a kernel reads it, so the last ones stay reachable.
    [ThreadStatic]
    private static Tensor[]? _recent;

    [ThreadStatic]
    private static int _next;

    /// <summary>A dense tensor with these values; without extents a vector.</summary>
    public static Tensor Floats(this IDeviceMemory device, ReadOnlySpan<float> values, params ReadOnlySpan<long> extents) => Of(device, DType.Float32, values, extents);

    /// <summary>A dense int32 tensor with these values; without extents a vector.</summary>
    public static Tensor Ints(this IDeviceMemory device, ReadOnlySpan<int> values, params ReadOnlySpan<long> extents) => Of(device, DType.Int32, values, extents);

    /// <summary>A dense int64 vector.</summary>
    public static Tensor Longs(this IDeviceMemory device, ReadOnlySpan<long> values) => Of(device, DType.Int64, values, [values.Length]);

    /// <summary>A dense tensor of a block type with these bytes.</summary>
    public static Tensor Blocks(this IDeviceMemory device, DType dtype, ReadOnlySpan<byte> bytes, params ReadOnlySpan<long> extents) => Of(device, dtype, bytes, extents);

    /// <summary>The values of a tensor in row-major order; rows may be strided.</summary>
    public static float[] Read(this IDeviceMemory device, Tensor tensor) => Read<float>(device, tensor);

    /// <summary>The values of an int32 tensor.</summary>
    public static int[] ReadInts(this IDeviceMemory device, Tensor tensor) => Read<int>(device, tensor);

    /// <summary>The values of a tensor of any element type that <typeparamref name="T"/> stands for.</summary>
    public static T[] Read<T>(this IDeviceMemory device, Tensor tensor) where T : unmanaged
    {
        T[] values = new T[tensor.Count / tensor.DType.BlockLength()];
        if (values.Length == 0) { return values; }
        Tensor dense = tensor;
        if (!tensor.IsContiguous)
        {
            Span<long> extents = stackalloc long[tensor.Rank];
            for (int i = 0; i < tensor.Rank; i++) { extents[i] = tensor.Shape[i]; }
            dense = device.Allocate(tensor.DType, extents);
            device.Copy(tensor, dense);
        }

        device.Download(dense, values.AsSpan());
        return values;
    }

    /// <summary>A row-major matrix packed into a weight of this backend.</summary>
    public static WeightMatrix Weight(this IKernels kernels, ReadOnlySpan<float> values, long outputs, long inputs)
    {
        WeightMatrix weight = kernels.CreateWeight(outputs, inputs);
        kernels.Pack(Floats(kernels, values, outputs, inputs), weight);
        return weight;
    }

    /// <summary>The row-major values of a weight.</summary>
    public static float[] ReadWeight(this IKernels kernels, WeightMatrix weight)
    {
        Tensor rows = kernels.Allocate(DType.Float32, weight.Outputs, weight.Inputs);
        kernels.Unpack(weight, rows);
        return Read(kernels, rows);
    }

    private static Tensor Of<T>(IDeviceMemory device, DType dtype, ReadOnlySpan<T> values, ReadOnlySpan<long> extents) where T : unmanaged
    {
        Tensor tensor = extents.IsEmpty ? device.Allocate(dtype, values.Length) : device.Allocate(dtype, extents);
        if (tensor.Count > 0) { device.Upload(values, tensor); }
        (_recent ??= new Tensor[64])[_next = (_next + 1) % 64] = tensor;
        return tensor;
    }
}
