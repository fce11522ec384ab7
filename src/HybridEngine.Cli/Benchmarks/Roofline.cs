using System.Diagnostics;
using System.Runtime.Intrinsics;
using HybridEngine.Core;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>What this machine can do, measured now on the given number of threads (best of several).</summary>
/// <param name="Instruction">That the model's products are made of, such as "bf16 dot"; "float32 multiply-add" where the backend measures none.</param>
/// <param name="OperationsPerSecond">Of it; a multiply-add counts two.</param>
/// <param name="BytesPerSecond">Sequential reads of memory far beyond the caches.</param>
internal sealed record Roofline(string Instruction, double OperationsPerSecond, double BytesPerSecond)
{
    private const int Repetitions = 5;

    /// <param name="kernels">The backend, which measures its own instructions where it can.</param>
    /// <param name="arithmetic">Of the model's products.</param>
    /// <param name="threads">For what is measured here.</param>
    public static Roofline Measure(IKernels kernels, Arithmetic arithmetic, int threads)
    {
        const long bytes = 192L << 20;
        PeakRate peak = kernels is IPeakRates measured ? measured.Peak(arithmetic) : new PeakRate("float32 multiply-add", Best(() => Together(threads, _ => MultiplyAdd())));
        Tensor[] memory = new Tensor[threads];
        for (int i = 0; i < threads; i++)
        {
            memory[i] = new Tensor(HostMemory.Allocate(bytes), DType.Float32, new Shape(bytes / 4));
            memory[i].AsSpan<float>().Fill(1);
        }

        try
        {
            return new Roofline(peak.Instruction, peak.OperationsPerSecond, Best(() => Together(threads, i => Read(memory[i].AsSpan<float>()))));
        }
        finally
        {
            foreach (Tensor t in memory) { t.Memory!.Dispose(); }
        }
    }

    /// <summary>The time that this much work needs at least, and which limit says so.</summary>
    public (double Seconds, string Limit) Floor(double operations, double bytes)
    {
        double compute = operations / OperationsPerSecond, traffic = bytes / BytesPerSecond;
        return compute >= traffic ? (compute, Instruction) : (traffic, "memory read");
    }

    private static double Best(Func<double> measure)
    {
        double best = 0;
        for (int r = 0; r < Repetitions; r++) { best = Math.Max(best, measure()); }
        return best;
    }

    // Sum of every thread's own rate; all start together.
    private static double Together(int threads, Func<int, double> work)
    {
        double[] rates = new double[threads];
        using Barrier start = new(threads);
        Thread[] running = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            int index = i;
            running[i] = new Thread(() =>
            {
                start.SignalAndWait();
                long t = Stopwatch.GetTimestamp();
                double done = work(index);
                rates[index] = done / Stopwatch.GetElapsedTime(t).TotalSeconds;
            });
            running[i].Start();
        }

        foreach (Thread t in running) { t.Join(); }
        return rates.Sum();
    }

    private static float _sink;

    // Sixteen independent chains hide the latency of four cycles at two a cycle.
    private static double MultiplyAdd()
    {
        const int loops = 2_000_000;
        Vector512<float> x = Vector512.Create(0.9999f), y = Vector512.Create(0.5f);
        Vector512<float> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
        Vector512<float> i = default, j = default, k = default, l = default, m = default, n = default, o = default, p = default;
        for (int t = 0; t < loops; t++)
        {
            a = Vector512.FusedMultiplyAdd(a, x, y); b = Vector512.FusedMultiplyAdd(b, x, y); c = Vector512.FusedMultiplyAdd(c, x, y); d = Vector512.FusedMultiplyAdd(d, x, y);
            e = Vector512.FusedMultiplyAdd(e, x, y); f = Vector512.FusedMultiplyAdd(f, x, y); g = Vector512.FusedMultiplyAdd(g, x, y); h = Vector512.FusedMultiplyAdd(h, x, y);
            i = Vector512.FusedMultiplyAdd(i, x, y); j = Vector512.FusedMultiplyAdd(j, x, y); k = Vector512.FusedMultiplyAdd(k, x, y); l = Vector512.FusedMultiplyAdd(l, x, y);
            m = Vector512.FusedMultiplyAdd(m, x, y); n = Vector512.FusedMultiplyAdd(n, x, y); o = Vector512.FusedMultiplyAdd(o, x, y); p = Vector512.FusedMultiplyAdd(p, x, y);
        }

        _sink = Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p);
        return loops * 16.0 * 16 * 2;
    }

    private static double Read(ReadOnlySpan<float> data)
    {
        Vector512<float> a = default, b = default, c = default, d = default;
        int t = 0;
        for (; t + 64 <= data.Length; t += 64)
        {
            a += Vector512.Create(data[t..]);
            b += Vector512.Create(data[(t + 16)..]);
            c += Vector512.Create(data[(t + 32)..]);
            d += Vector512.Create(data[(t + 48)..]);
        }

        _sink = Vector512.Sum(a + b + c + d);
        return data.Length * 4.0;
    }
}
