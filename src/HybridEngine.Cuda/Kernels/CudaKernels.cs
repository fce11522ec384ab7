using HybridEngine.Core;

namespace HybridEngine.Cuda;

/// <summary>The kernel contract on an NVIDIA GPU: one device, one stream. A call queues its kernels and returns; only <see cref="Download"/> and <see cref="Synchronize"/> wait.</summary>
/// <remarks>
/// One partial file per kernel family; docs/cuda.md says how a launcher is added. What has no kernel yet throws <see cref="UnsupportedException"/>: nothing falls back to another backend in silence.
/// Scratch tensors are taken before addresses are: memory that a finalizer gives back may be handed out again.
/// </remarks>
public sealed unsafe partial class CudaKernels : IKernels
{
    /// <summary>The summation orders of this backend in float32 (docs/numerics.md, "CUDA").</summary>
    public const string Variant = "cuda-f32-fma-v1";

    private readonly CudaDevice _device;
    private readonly CudaAllocator _allocator;
    private readonly Staging _staging;
    private readonly TensorPool _scratch;
    private bool _disposed;

    /// <summary>Opens a GPU.</summary>
    /// <param name="options">Which; null for the first.</param>
    /// <exception cref="HybridEngineException">There is no driver, no such device or no PTX for it; the message says what was tried.</exception>
    public CudaKernels(CudaOptions? options = null)
    {
        options ??= new CudaOptions();
        _device = new CudaDevice(options.Device);
        _allocator = new CudaAllocator(_device);
        _staging = new Staging(_device, options.StagingBytes);
        _scratch = new TensorPool(this);
    }

    /// <summary>The GPU.</summary>
    public CudaDeviceInfo DeviceInfo => _device.Info;

    /// <inheritdoc />
    public string Description => $"cuda ({_device.Info})";

    /// <inheritdoc />
    public string NumericVariant => Variant;

    /// <inheritdoc />
    public string VariantOf(Arithmetic arithmetic) => arithmetic switch
    {
        Arithmetic.BFloat16 => "cuda-bf16-mma-v1",
        Arithmetic.Int8 => "none",
        _ => Variant,
    };

    /// <inheritdoc />
    public bool Pays(Arithmetic arithmetic) => arithmetic != Arithmetic.Int8;

    /// <inheritdoc />
    public void Dispose()
    {
        if (_disposed) { return; }
        _disposed = true;
        _scratch.Dispose();
        _allocator.Dispose();
        _staging.Dispose();
        _device.Dispose();
    }

    // The address of a tensor's first element; 0 for one that is not given.
    private static nint At(Tensor t) => t.IsEmpty ? 0 : t.Address;

    // Elements from one row to the next of a matrix [rows, width], or from one token to the next of [tokens, heads, size].
    private static long RowStride(Tensor t) => t.IsEmpty ? 0 : t.Strides[0];

    private static int Flag(bool value) => value ? 1 : 0;

    private static int Int(long value) => checked((int)value);

    private static UnsupportedException Missing(string operation) => new("backend cuda", operation, "backends cpu and reference have it; its CUDA kernel is not written yet");
}
