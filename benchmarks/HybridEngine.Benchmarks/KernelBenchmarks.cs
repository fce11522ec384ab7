using System.Globalization;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using HybridEngine.Core;
using HybridEngine.Native;

namespace HybridEngine.Benchmarks;

/// <summary>Every kind of kernel through the binding: what a call costs from .NET, its rate beside the peak of its instruction (measured by the same run), and that it allocates nothing.</summary>
[Config(typeof(Settings))]
public class KernelBenchmarks
{
    private NativeKernels _kernels = null!;
    private Action _call = null!;

    [ParamsSource(nameof(Cases))]
    public KernelCase Kernel { get; set; } = null!;

    public static IEnumerable<KernelCase> Cases => KernelCase.All();

    [GlobalSetup]
    public void Open()
    {
        _kernels = new NativeKernels();
        _call = Kernel.Make(_kernels);
        Peaks.Measure(_kernels, Kernel.Arithmetic);
    }

    [GlobalCleanup]
    public void Close() => _kernels.Dispose();

    [Benchmark]
    public void Call() => _call();

    private static class Peaks
    {
        private static readonly Dictionary<Arithmetic, double> _best = [];

        public static void Measure(NativeKernels kernels, Arithmetic arithmetic) =>
            _best[arithmetic] = Math.Max(_best.GetValueOrDefault(arithmetic), kernels.Peak(arithmetic).OperationsPerSecond);

        public static double Of(Arithmetic arithmetic) => _best.GetValueOrDefault(arithmetic, double.NaN);
    }

    private sealed class Settings : ManualConfig
    {
        public Settings()
        {
            // In this process: the peaks are measured where the benchmarks run.
            AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
            AddDiagnoser(MemoryDiagnoser.Default);
            AddColumn(
                new RateColumn("Gop", "Operations of a call, in thousands of millions; a multiply-add counts two", (k, _) => k.Operations * 1e-9),
                new RateColumn("MB", "Bytes of the operands, each once", (k, _) => k.Bytes * 1e-6),
                new RateColumn("Gop/s", "Operations a second", (k, s) => k.Operations / s * 1e-9),
                new RateColumn("GB/s", "Bytes of the operands a second", (k, s) => k.Bytes / s * 1e-9),
                new RateColumn("% of peak", "Of the instruction's rate that this run measured", (k, s) => 100 * k.Operations / s / Peaks.Of(k.Arithmetic)));
        }
    }

    private sealed class RateColumn(string name, string legend, Func<KernelCase, double, double> value) : IColumn
    {
        public string Id => name;

        public string ColumnName => name;

        public bool AlwaysShow => true;

        public ColumnCategory Category => ColumnCategory.Custom;

        public int PriorityInCategory => 0;

        public bool IsNumeric => true;

        public UnitType UnitType => UnitType.Dimensionless;

        public string Legend => legend;

        // Statistics are in nanoseconds.
        public string GetValue(Summary summary, BenchmarkCase benchmarkCase) =>
            summary[benchmarkCase]?.ResultStatistics is { } statistics && benchmarkCase.Parameters["Kernel"] is KernelCase kernel
                ? value(kernel, statistics.Median * 1e-9).ToString("0.0", CultureInfo.InvariantCulture)
                : "-";

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

        public bool IsAvailable(Summary summary) => true;

        public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;
    }
}
