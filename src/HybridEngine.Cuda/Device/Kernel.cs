namespace HybridEngine.Cuda;

/// <summary>One kernel of native/cuda: which source it is in, its name, the threads of its blocks. A constant of the program; each device loads it at its first launch.</summary>
internal sealed class Kernel
{
    private static readonly List<Kernel> _all = [];

    /// <param name="module"><c>FAMILY.FILE</c> of native/cuda/FAMILY/FILE.cu.</param>
    /// <param name="name">As written there.</param>
    /// <param name="threads">Of a block: the number behind HE_KERNEL.</param>
    public Kernel(string module, string name, int threads)
    {
        (Module, Name, Threads) = (module, name, (uint)threads);
        lock (_all)
        {
            Index = _all.Count;
            _all.Add(this);
        }
    }

    /// <summary>Those that launchers have named so far.</summary>
    public static IReadOnlyList<Kernel> All
    {
        get { lock (_all) { return [.. _all]; } }
    }

    /// <summary><c>FAMILY.FILE</c>.</summary>
    public string Module { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Threads of a block.</summary>
    public uint Threads { get; }

    /// <summary>Its place in a device's table of loaded kernels.</summary>
    public int Index { get; }
}

/// <summary>Blocks of a launch.</summary>
/// <param name="X">At most 2^31 - 1.</param>
/// <param name="Y">At most 65,535.</param>
/// <param name="Z">At most 65,535.</param>
internal readonly record struct Grid(long X, long Y = 1, long Z = 1)
{
    /// <summary>The least number of pieces of <paramref name="size"/> that hold <paramref name="count"/>.</summary>
    public static long Pieces(long count, long size) => (count + size - 1) / size;
}
