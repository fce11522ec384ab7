using System.Buffers.Binary;
using System.Text;

namespace HybridEngine.Native.Tests;

/// <summary>The defined global symbols of a 64-bit little-endian ELF library, as <c>nm -D --defined-only</c> prints them.</summary>
internal static class ElfSymbols
{
    private const int SectionDynamicSymbols = 11;

    internal static string[] Exported(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        long sections = (long)U64(0x28);
        int entry = U16(0x3A), count = U16(0x3C);
        List<string> names = [];
        for (int s = 0; s < count; s++)
        {
            long header = sections + (long)s * entry;
            if (U32(header + 4) != SectionDynamicSymbols) { continue; }
            long offset = (long)U64(header + 0x18), size = (long)U64(header + 0x20);
            long strings = (long)U64(sections + U32(header + 0x28) * (long)entry + 0x18);
            for (long symbol = offset; symbol < offset + size; symbol += 24)
            {
                bool local = file[symbol + 4] >> 4 == 0, undefined = U16(symbol + 6) == 0;
                if (!local && !undefined) { names.Add(Text(strings + U32(symbol))); }
            }
        }

        return [.. names];

        ushort U16(long at) => BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan((int)at));
        uint U32(long at) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan((int)at));
        ulong U64(long at) => BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan((int)at));
        string Text(long at) => Encoding.ASCII.GetString(file, (int)at, file.AsSpan((int)at).IndexOf((byte)0));
    }
}
