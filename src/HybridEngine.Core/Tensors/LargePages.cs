using System.Runtime.InteropServices;

namespace HybridEngine.Core;

/// <summary>Zero pages straight from the system, of 2 MiB where it grants them (Linux, <c>madvise</c>): a weight that is streamed from end to end then needs one address
/// translation for every 2 MiB in place of one for every 4 KiB. Not touched before their first use.</summary>
internal static unsafe partial class LargePages
{
    /// <summary>Bytes of a large page, and the least that is worth a mapping of its own.</summary>
    public const long Size = 2 << 20;

    private const int ReadWrite = 1 | 2, PrivateAnonymous = 0x02 | 0x20, HugePage = 14;
    private const long SmallPage = 4096;

    /// <summary>Maps at least <paramref name="bytes"/> zero bytes at a multiple of <see cref="Size"/>.</summary>
    /// <returns>False where the system is another one or has no room.</returns>
    public static bool TryMap(long bytes, out LargePageMapping mapping)
    {
        mapping = default;
        if (!OperatingSystem.IsLinux() || bytes > long.MaxValue - 2 * Size) { return false; }
        nuint length = (nuint)((bytes + SmallPage - 1) / SmallPage * SmallPage + Size);
        nint start;
        try { start = MMap(0, length, ReadWrite, PrivateAnonymous, -1, 0); }
        catch (DllNotFoundException) { return false; } // a C library of another name
        if (start == -1) { return false; }
        nint address = (nint)((start + Size - 1) / Size * Size);
        // Whole large pages only: one that begins in the last bytes would hold up to 2 MiB that nobody asked for. Refused where they are switched off: small ones do as well.
        _ = MAdvise(address, (nuint)(bytes / Size * Size), HugePage);
        mapping = new LargePageMapping(start, length, address);
        return true;
    }

    /// <summary>Gives a mapping back.</summary>
    public static void Unmap(LargePageMapping mapping) => _ = MUnmap(mapping.Start, mapping.Length);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint MMap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MUnmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MAdvise(nint address, nuint length, int advice);
}

/// <summary>What was mapped, and the first address in it that is a multiple of a large page.</summary>
internal readonly record struct LargePageMapping(nint Start, nuint Length, nint Address);
