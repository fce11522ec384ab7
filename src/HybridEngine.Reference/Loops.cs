using System.Buffers;
using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>Loops over independent items, on all cores when there is enough to do. An item never sees which thread runs it, so results do not change.</summary>
internal static class Loops
{
    private const long WorthAThread = 1 << 16;
    private const int Block = 64;

    /// <summary>Runs <paramref name="body"/> for every item; <paramref name="cost"/> is multiply-adds an item.</summary>
    public static void ForEach(long count, long cost, Action<long> body)
    {
        if (count < 2 || count * Math.Max(cost, 1) < WorthAThread)
        {
            for (long i = 0; i < count; i++) { body(i); }
            return;
        }

        Parallel.For(0, count, body);
    }

    /// <summary>Runs <paramref name="body"/> (row, first column, end column) for blocks of columns of every row; <paramref name="cost"/> is multiply-adds an element.</summary>
    public static void ForEachBlock(long rows, int columns, long cost, Action<long, int, int> body)
    {
        long blocks = (columns + Block - 1) / Block;
        ForEach(rows * blocks, Block * cost, item =>
        {
            int first = (int)(item % blocks) * Block;
            body(item / blocks, first, Math.Min(first + Block, columns));
        });
    }

    /// <summary>The sum of products in float64, in order.</summary>
    public static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) { sum += (double)a[i] * b[i]; }
        return sum;
    }

    /// <summary><c>sum += scale * x</c> in float64.</summary>
    public static void AddScaled(Span<double> sum, double scale, ReadOnlySpan<float> x)
    {
        for (int i = 0; i < x.Length; i++) { sum[i] += scale * x[i]; }
    }

    /// <summary>Rounds a sum to float32 over, or onto, the old values.</summary>
    public static void Store(ReadOnlySpan<double> sum, Span<float> y, bool accumulate)
    {
        for (int i = 0; i < y.Length; i++) { y[i] = (float)(accumulate ? sum[i] + y[i] : sum[i]); }
    }

    /// <summary>A zeroed buffer of doubles that a <c>using</c> gives back.</summary>
    public static Sums Rent(int length) => new(length);

    internal readonly struct Sums : IDisposable
    {
        private readonly double[] _array;
        private readonly int _length;

        public Sums(int length)
        {
            (_array, _length) = (ArrayPool<double>.Shared.Rent(length), length);
            Span.Clear();
        }

        public Span<double> Span => _array.AsSpan(0, _length);

        public void Dispose() => ArrayPool<double>.Shared.Return(_array);
    }

    /// <summary>A vector of int32 on the host.</summary>
    public static Span<int> Ints(Tensor tensor) => tensor.AsSpan<int>();

    /// <summary>A vector of float32, or an empty span for "no tensor".</summary>
    public static Span<float> Floats(Tensor tensor) => tensor.IsEmpty ? default : tensor.AsSpan<float>();
}
