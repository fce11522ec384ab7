using HybridEngine.Native;
using HybridEngine.Reference;

namespace HybridEngine.Training.Tests;

/// <summary>The backends that every test of this project runs on; one that cannot load is skipped with its reason.</summary>
public static class Backends
{
    public static IReadOnlyList<string> Names { get; } = ["reference", "native"];

    public static IKernels Open(string name, int threads = 0)
    {
        if (name == "reference") { return new ReferenceKernels(); }
        Skip.IfNot(NativeLibraryReport.Current.IsLoaded, NativeLibraryReport.Current.ToString());
        return new NativeKernels(new NativeOptions { Threads = threads });
    }
}

/// <summary>Every backend with every tiny architecture.</summary>
public sealed class BackendsAndModels : TheoryData<string, string>
{
    public BackendsAndModels()
    {
        foreach (string backend in Backends.Names)
        {
            foreach (string model in TinyModels.Names) { Add(backend, model); }
        }
    }
}

/// <summary>Every backend with one architecture of each wiring of the body.</summary>
public sealed class BackendsAndBodies : TheoryData<string, string>
{
    public BackendsAndBodies()
    {
        foreach (string backend in Backends.Names)
        {
            foreach (string model in (string[])["llama", "gpt2", "opt-after-norm", "gemma2", "gpt-neox", "bloom", "experts"]) { Add(backend, model); }
        }
    }
}

/// <summary>Every backend.</summary>
public sealed class EveryBackend : TheoryData<string>
{
    public EveryBackend() => AddRange([.. Backends.Names]);
}
