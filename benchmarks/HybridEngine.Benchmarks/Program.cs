using BenchmarkDotNet.Running;

BenchmarkSwitcher.FromAssembly(typeof(HybridEngine.Benchmarks.EncodeBenchmarks).Assembly).Run(args);
