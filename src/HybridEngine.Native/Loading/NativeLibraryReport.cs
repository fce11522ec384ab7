namespace HybridEngine.Native;

/// <summary>One place where the native library was looked for.</summary>
/// <param name="Path">The file that was tried.</param>
/// <param name="Outcome">"loaded", or why not.</param>
public sealed record NativeLibraryAttempt(string Path, string Outcome);

/// <summary>How the native library was found, or everything that was tried when it was not. Made once per process, on first use.</summary>
public sealed class NativeLibraryReport
{
    internal NativeLibraryReport(string? path, IReadOnlyList<NativeLibraryAttempt> attempts, IReadOnlyList<string> instructionSets) =>
        (Path, Attempts, InstructionSets) = (path, attempts, instructionSets);

    /// <summary>The report of this process; loads the library when that has not happened yet.</summary>
    public static NativeLibraryReport Current => NativeLoader.Report;

    /// <summary>The loaded file; null when none could be loaded.</summary>
    public string? Path { get; }

    /// <summary>True when a library is loaded, so that <see cref="NativeKernels"/> can be made.</summary>
    public bool IsLoaded => Path is not null;

    /// <summary>Every file that was tried, in order; the last one is the loaded one.</summary>
    public IReadOnlyList<NativeLibraryAttempt> Attempts { get; }

    /// <summary>Instruction sets that the library holds and this CPU runs, best first; empty without a library.</summary>
    public IReadOnlyList<string> InstructionSets { get; }

    /// <summary>One line for people: the loaded file, or each file that was tried and why it failed.</summary>
    public override string ToString() => IsLoaded
        ? $"{Path} ({string.Join(", ", InstructionSets)})"
        : "no native library; tried " + string.Join("; ", Attempts.Select(a => $"{a.Path}: {a.Outcome}"));
}
