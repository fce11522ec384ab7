using HybridEngine.Core;
using HybridEngine.Reference;
using HybridEngine.Testing;
using Xunit;
using Xunit.Sdk;

namespace HybridEngine.Kernels.Tests;

/// <summary>What every family's contract tests share: the backend under test, the oracle, fresh random inputs, and tensors with guarded gaps between their rows.</summary>
/// <remarks>
/// A scenario is a function of <see cref="IKernels"/> that returns arrays; it runs on the backend and on the oracle, and the arrays are compared.
/// Gaps hold NaN: a kernel that reads one spoils its result, a kernel that writes one is found at the end of the test.
/// </remarks>
public abstract class KernelSuite<TBackend> : IDisposable where TBackend : IBackend
{
    private const int Poison = 0x7FC0DEAD;
    private readonly List<(IKernels Kernels, Tensor Whole, bool[] Gap)> _guards = [];
    private readonly List<IKernels> _opened = [];
    private IKernels? _kernels;

    /// <summary>The backend under test; skips the test where it is missing.</summary>
    protected IKernels Kernels => _kernels ??= Open(0);

    protected ReferenceKernels Oracle { get; } = new();

    protected TestRandom Random { get; } = new();

    /// <summary>Another instance of the backend, with this many threads.</summary>
    protected IKernels Open(int threads)
    {
        Skip.If(TBackend.WhyMissing is not null, TBackend.WhyMissing);
        IKernels kernels = TBackend.Open(threads);
        _opened.Add(kernels);
        return kernels;
    }

    /// <summary>A tensor with these values whose rows lie apart by a random gap, from a random first element on.</summary>
    protected Tensor Place(IKernels kernels, ReadOnlySpan<float> values, params ReadOnlySpan<long> extents)
    {
        long rows = extents[0], width = 1;
        for (int i = 1; i < extents.Length; i++) { width *= extents[i]; }
        long before = Random.Integer(0, 4), stride = before + width + Random.Integer(0, 20);
        float[] whole = new float[rows * stride];
        bool[] gap = new bool[whole.Length];
        for (long i = 0; i < whole.Length; i++)
        {
            long column = i % stride - before;
            gap[i] = column < 0 || column >= width;
            whole[i] = gap[i] ? BitConverter.Int32BitsToSingle(Poison) : values[(int)(i / stride * width + column)];
        }

        Tensor buffer = kernels.Floats(whole, [whole.Length]);
        _guards.Add((kernels, buffer, gap));
        return View(buffer, extents, stride, rows > 0 ? before : 0);
    }

    /// <summary>An output: as <see cref="Place"/>, full of NaN, which must not survive.</summary>
    protected Tensor Space(IKernels kernels, params ReadOnlySpan<long> extents)
    {
        float[] values = new float[new Shape(extents).Count];
        Array.Fill(values, float.NaN);
        return Place(kernels, values, extents);
    }

    /// <summary>The call must be refused with an <see cref="ArgumentException"/> that names this argument first. A value of an index (<c>slots[2]</c>) is checked only where the host can read it.</summary>
    protected void Refuses(string argument, Action call)
    {
        bool host = Kernels.Device == DeviceKind.Host; // opened before the call: where the backend is missing the test is skipped, and a skip inside the call would look like another exception
        if (argument.Contains('[', StringComparison.Ordinal) && !host) { return; }
        ArgumentException e = Assert.ThrowsAny<ArgumentException>(call);
        Assert.StartsWith(argument, e.Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        foreach ((IKernels kernels, Tensor whole, bool[] gap) in _guards)
        {
            float[] values = kernels.Read(whole);
            for (int i = 0; i < gap.Length; i++)
            {
                if (gap[i] && BitConverter.SingleToInt32Bits(values[i]) != Poison) { throw new XunitException($"a kernel wrote {values[i]} into a gap between rows, at element {i}. {Random}"); }
            }
        }

        foreach (IKernels kernels in _opened) { kernels.Dispose(); }
        GC.SuppressFinalize(this);
    }

    private static Tensor View(Tensor buffer, ReadOnlySpan<long> extents, long stride, long offset)
    {
        Span<long> strides = stackalloc long[extents.Length];
        long n = 1;
        for (int i = extents.Length - 1; i > 0; i--)
        {
            strides[i] = n;
            n *= extents[i];
        }

        strides[0] = stride;
        return new Tensor(buffer.Memory!, buffer.DType, new Shape(extents), new Shape(strides), offset);
    }
}
