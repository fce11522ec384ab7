namespace HybridEngine.Core;

/// <summary>Reuses allocations of the same size: activations of a training step, workspaces of a decode step. Not thread-safe.</summary>
/// <remarks>Contents of a rented tensor are undefined. <see cref="Trim"/> gives idle memory back to the device.</remarks>
public sealed class TensorPool : IDisposable
{
    private readonly IDeviceMemory _device;
    private readonly Dictionary<long, Stack<DeviceMemory>> _idle = [];

    /// <param name="device">Where to allocate.</param>
    public TensorPool(IDeviceMemory device) => _device = device;

    /// <summary>Bytes rented out now.</summary>
    public long BytesInUse { get; private set; }

    /// <summary>Bytes kept for reuse.</summary>
    public long BytesIdle { get; private set; }

    /// <summary>The greatest <see cref="BytesInUse"/> seen.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>A dense tensor of undefined content; give it back with <see cref="Return"/>.</summary>
    public Tensor Rent(DType dtype, params ReadOnlySpan<long> extents)
    {
        Shape shape = new(extents);
        long bytes = RoundUp(dtype.Bytes(shape.Count));
        DeviceMemory memory = TakeIdle(bytes) ?? Allocate(bytes);
        BytesInUse += memory.Bytes;
        PeakBytes = Math.Max(PeakBytes, BytesInUse);
        return new Tensor(memory, dtype, shape);
    }

    /// <summary>Gives a tensor from <see cref="Rent"/> back (any view of it); an empty tensor is ignored.</summary>
    public void Return(Tensor tensor)
    {
        if (tensor.Memory is not { } memory) { return; }
        if (!_idle.TryGetValue(memory.Bytes, out Stack<DeviceMemory>? stack))
        {
            _idle[memory.Bytes] = stack = new Stack<DeviceMemory>();
        }

        stack.Push(memory);
        BytesInUse -= memory.Bytes;
        BytesIdle += memory.Bytes;
    }

    /// <summary>Gives idle memory back to the device.</summary>
    public void Trim()
    {
        foreach (Stack<DeviceMemory> stack in _idle.Values)
        {
            while (stack.Count > 0) { stack.Pop().Dispose(); }
        }

        BytesIdle = 0;
    }

    /// <inheritdoc />
    public void Dispose() => Trim();

    // The smallest idle allocation that is large enough and wastes at most half of the request: batches differ by a few tokens.
    private DeviceMemory? TakeIdle(long bytes)
    {
        (long best, Stack<DeviceMemory>? stack) = (long.MaxValue, null);
        foreach ((long size, Stack<DeviceMemory> idle) in _idle)
        {
            if (size >= bytes && size <= bytes + bytes / 2 && size < best && idle.Count > 0) { (best, stack) = (size, idle); }
        }

        if (stack is null) { return null; }
        BytesIdle -= best;
        return stack.Pop();
    }

    // Memory that fits nobody goes back to the device before the pool grows beyond what was ever in use at once, and a quarter.
    private DeviceMemory Allocate(long bytes)
    {
        long limit = Math.Max(PeakBytes, BytesInUse + bytes);
        limit += limit / 4;
        foreach ((long size, Stack<DeviceMemory> idle) in _idle)
        {
            while (BytesInUse + BytesIdle + bytes > limit && idle.Count > 0)
            {
                idle.Pop().Dispose();
                BytesIdle -= size;
            }
        }

        return _device.Allocate(DType.UInt8, bytes).Memory!;
    }

    // Sizes that differ by a few tokens share an allocation: round up to an eighth of the next power of two.
    private static long RoundUp(long bytes)
    {
        long step = Math.Max(4096, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Max(bytes, 1)) / 16);
        return (bytes + step - 1) / step * step;
    }
}
