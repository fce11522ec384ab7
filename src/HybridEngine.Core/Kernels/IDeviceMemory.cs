namespace HybridEngine.Core;

/// <summary>Memory of the device and transfers.</summary>
public interface IDeviceMemory
{
    /// <summary>Where tensors of this backend live.</summary>
    DeviceKind Device { get; }

    /// <summary>A dense zero-filled tensor that owns its memory; dispose <see cref="Tensor.Memory"/> to give it back.</summary>
    Tensor Allocate(DType dtype, params ReadOnlySpan<long> extents);

    /// <summary>Copies host values into a contiguous tensor of the same element count and size.</summary>
    void Upload<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged;

    /// <summary>Waits for all enqueued work, then copies a contiguous tensor to the host.</summary>
    void Download<T>(Tensor source, Span<T> destination) where T : unmanaged;

    /// <summary>Copies between tensors of equal type and shape; rows may be strided.</summary>
    void Copy(Tensor source, Tensor destination);

    /// <summary>Sets every byte of a tensor to 0 (rows may be strided).</summary>
    void Zero(Tensor tensor);

    /// <summary>Waits until all enqueued work is done.</summary>
    void Synchronize();
}
