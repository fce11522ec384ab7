using System.Runtime.InteropServices;
using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Native;

/// <summary>The kernel contract on the CPU, in our native library: one context (instruction set and threads). Calls run at once.</summary>
/// <remarks>One partial file per kernel family. Memory is <see cref="HostMemory"/>. Results do not depend on the instruction set or the number of threads (docs/numerics.md).</remarks>
public sealed unsafe partial class NativeKernels : IKernels, IPeakRates
{
    /// <summary>The summation orders that this backend keeps.</summary>
    public const string Variant = "f32-fma16-v2";

    private readonly ContextHandle _context;
    private readonly string _bf16Variant;

    /// <summary>Opens a context.</summary>
    /// <param name="options">Instruction set and threads; null for the machine's best.</param>
    /// <exception cref="HybridEngineException">No native library can be loaded, or the instruction set is not one of this machine.</exception>
    public NativeKernels(NativeOptions? options = null)
    {
        NativeLibraryReport report = NativeLibraryReport.Current;
        if (!report.IsLoaded) { throw new HybridEngineException($"native backend: {report}"); }
        options ??= new NativeOptions();
        if (options.Threads is < 0 or > 1024)
        {
            throw new InvalidInputException("threads", $"{options.Threads}", "0 (all CPUs of this process) to 1024");
        }

        // An instruction set that this machine lacks is the user's to correct: option or HE_ISA.
        fixed (byte* name = Utf8(options.InstructionSet))
        fixed (byte* matrix = Utf8(options.MatrixEngine))
        {
            HeStatus status = NativeMethods.he_context_create(name, matrix, options.Threads, out _context);
            if (status == HeStatus.InvalidArgument) { throw new HybridEngineException(Text(NativeMethods.he_last_error())); }
            status.Check();
        }

        InstructionSet = Text(NativeMethods.he_context_isa(_context));
        MatrixEngine = Text(NativeMethods.he_context_matrix(_context));
        _bf16Variant = Text(NativeMethods.he_context_bf16_variant(_context));
        Threads = NativeMethods.he_context_threads(_context);
    }

    /// <summary>The instruction set in use: "scalar", "avx2" or "avx512".</summary>
    public string InstructionSet { get; }

    /// <summary>The engine of bf16 products in use: "fma", "dot", "amx" or "amx_emulated".</summary>
    public string MatrixEngine { get; }

    /// <summary>Threads in use, the calling one included.</summary>
    public int Threads { get; }

    /// <inheritdoc />
    public string Description => $"cpu ({InstructionSet}, {Threads} {(Threads == 1 ? "thread" : "threads")})";

    /// <inheritdoc />
    public string NumericVariant => Variant;

    /// <inheritdoc />
    public string VariantOf(Arithmetic arithmetic) => arithmetic switch
    {
        Arithmetic.BFloat16 => _bf16Variant,
        Arithmetic.Int8 => "int8-block32-v1",
        _ => Variant,
    };

    /// <inheritdoc />
    public bool Pays(Arithmetic arithmetic) => arithmetic != Arithmetic.BFloat16 || VariantOf(arithmetic) != "bf16-fma16-v1";

    /// <inheritdoc />
    public PeakRate Peak(Arithmetic arithmetic)
    {
        byte* name = stackalloc byte[64];
        double operations;
        NativeMethods.he_context_peak(_context, (int)arithmetic, name, &operations).Check();
        return new PeakRate(Text(name), operations);
    }

    /// <inheritdoc />
    public void Dispose() => _context.Dispose();

    private static byte[]? Utf8(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text + '\0');

    private static string Text(byte* utf8) => Marshal.PtrToStringUTF8((nint)utf8) ?? "";

    // Addresses for the C ABI; an absent optional tensor is null.
    private float* F32(Tensor t) => (float*)Pointer(t);

    private int* I32(Tensor t) => (int*)Pointer(t);

    private long* I64(Tensor t) => (long*)Pointer(t);

    private double* F64(Tensor t) => (double*)Pointer(t);

    private void* Pointer(Tensor t) => t.IsEmpty ? null : AddressOf(t);

    // A tensor that nobody uses after a call may be collected, and its memory given back, while native code still reads it. What the last addresses were taken of stays reachable: more than
    // any one call takes.
    private readonly DeviceMemory?[] _inUse = new DeviceMemory?[64];
    private int _nextInUse;

    private void* AddressOf(Tensor t)
    {
        _inUse[_nextInUse = (_nextInUse + 1) % _inUse.Length] = t.Memory;
        return (void*)t.Address;
    }

    // Elements from one row to the next of a matrix [rows, width].
    private static long RowStride(Tensor t) => t.IsEmpty ? 0 : t.Strides[0];

    private static int Flag(bool value) => value ? 1 : 0;
}
