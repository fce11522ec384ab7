using System.Numerics;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>A host array and its twin on the device, which grow together and are otherwise reused: a step uploads into them and allocates nothing.</summary>
internal sealed class Column<T> : IDisposable where T : unmanaged
{
    private readonly IKernels _kernels;
    private readonly DType _dtype;
    private DeviceMemory? _device;

    public Column(IKernels kernels)
    {
        _kernels = kernels;
        _dtype = default(T) switch
        {
            float => DType.Float32,
            int => DType.Int32,
            long => DType.Int64,
            _ => throw new NotSupportedException(typeof(T).Name),
        };
    }

    public T[] Host { get; private set; } = [];

    /// <summary>Room for <paramref name="count"/> values; growing loses what is on the device and keeps what is on the host.</summary>
    public void Reserve(int count)
    {
        if (count <= Host.Length) { return; }
        int capacity = (int)Math.Max(16, BitOperations.RoundUpToPowerOf2((uint)count));
        T[] grown = new T[capacity];
        Host.CopyTo(grown, 0);
        Host = grown;
        _device?.Dispose();
        _device = _kernels.Allocate(_dtype, capacity).Memory;
    }

    /// <summary>The first values as a device tensor of this shape; their number must have been reserved.</summary>
    public Tensor View(params ReadOnlySpan<long> extents) => new(_device!, _dtype, new Shape(extents));

    /// <summary>Copies the first values to the device.</summary>
    public Tensor Upload(params ReadOnlySpan<long> extents)
    {
        Tensor view = View(extents);
        _kernels.Upload<T>(Host.AsSpan(0, (int)view.Count), view);
        return view;
    }

    /// <summary>Copies the first <paramref name="count"/> values to the host, once all enqueued work is done.</summary>
    public void Download(int count) => _kernels.Download(View(count), Host.AsSpan(0, count));

    public void Dispose()
    {
        _device?.Dispose();
        _device = null;
        Host = [];
    }
}
