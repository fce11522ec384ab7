using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>SentencePiece's compiled rules (<c>precompiled_charsmap</c>): a double array over UTF-8 that names, for a character or a cluster of up to five bytes, the text in its place.</summary>
/// <remarks>Layout: the array's size in bytes, the array (Darts-clone's units of 32 bits), the texts, each ended by a zero. Source: SentencePiece's normalizer.cc and the tokenizers library's <c>precompiled</c>.</remarks>
internal sealed class PrecompiledNormalizer : INormalizer
{
    private const int LongestCluster = 5;

    private readonly uint[] _units;
    private readonly byte[] _texts;

    /// <param name="map">The rules.</param>
    /// <param name="file">What messages call the tokenizer.</param>
    /// <exception cref="InvalidInputException">The map is cut off.</exception>
    public PrecompiledNormalizer(ReadOnlySpan<byte> map, string file)
    {
        int size = map.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(map) : -1;
        if (size < 0 || size % sizeof(uint) != 0 || size > map.Length - 4) throw new InvalidInputException(file, $"a precompiled_charsmap of {map.Length} bytes with an array of {size}", "an array that fits, in units of 4 bytes");
        _units = new uint[size / sizeof(uint)];
        for (int i = 0; i < _units.Length; i++) _units[i] = BinaryPrimitives.ReadUInt32LittleEndian(map[(4 + i * sizeof(uint))..]);
        _texts = map[(4 + size)..].ToArray();
    }

    public AlignedText Apply(AlignedText text)
    {
        var units = new List<Unit>(text.Length);
        Span<char> utf16 = stackalloc char[2 * (LongestCluster + 1)];
        for (int at = 0; at < text.Length;)
        {
            int end = ClusterEnd(text, at, utf16);
            int bytes = 0;
            for (int i = at; i < end; i++) bytes += Utf8Length(text[i].Code);
            if (bytes <= LongestCluster && TryReplace(text, at, end, units))
            {
                at = end;
                continue;
            }
            for (; at < end; at++)
            {
                if (!TryReplace(text, at, at + 1, units)) units.Add(text[at]);
            }
        }
        return AlignedText.FromUnits(units);
    }

    /// <summary>The end of the user-perceived character, as far as rules can reach; a longer one goes character by character in any case.</summary>
    private static int ClusterEnd(AlignedText text, int at, Span<char> utf16)
    {
        if (at + 1 == text.Length || (text[at].Code is < 0x300 and not '\r' && text[at + 1].Code < 0x300)) return at + 1;
        int count = Math.Min(LongestCluster + 1, text.Length - at), length = text.CopyTo(at, at + count, utf16);
        int cluster = StringInfo.GetNextTextElementLength(utf16[..length]), end = at;
        for (int used = 0; used < cluster; end++) used += text[end].Code < 0x10000 ? 1 : 2;
        return end;
    }

    /// <summary>Looks up <c>[start, end)</c>; the rule for its shortest beginning counts, as in the tokenizers library.</summary>
    private bool TryReplace(AlignedText text, int start, int end, List<Unit> units)
    {
        if (_units.Length == 0) return false;
        uint node = Offset(_units[0]);
        Span<byte> bytes = stackalloc byte[4];
        for (int i = start; i < end; i++)
        {
            int length = new Rune(text[i].Code).EncodeToUtf8(bytes);
            foreach (byte value in bytes[..length])
            {
                node ^= value;
                if (value == 0 || node >= _units.Length || (_units[node] & (1u << 31 | 0xFF)) != value) return false;
                uint unit = _units[node];
                node ^= Offset(unit);
                // A unit with a leaf: the value is at its offset.
                if ((unit >> 8 & 1) == 0) continue;
                if (node >= _units.Length) return false;
                Write(text, start, end, _units[node] & 0x7FFFFFFF, units);
                return true;
            }
        }
        return false;
    }

    private void Write(AlignedText text, int start, int end, uint place, List<Unit> units)
    {
        ReadOnlySpan<byte> rest = place < _texts.Length ? _texts.AsSpan((int)place) : [];
        int zero = rest.IndexOf((byte)0);
        int at = start;
        // The new characters stand for the old ones in order, those that are more for the last.
        foreach (Rune rune in Encoding.UTF8.GetString(zero < 0 ? rest : rest[..zero]).EnumerateRunes())
        {
            units.Add(text[Math.Min(at, end - 1)] with { Code = rune.Value });
            at++;
        }
    }

    private static uint Offset(uint unit) => unit >> 10 << (int)((unit & 1u << 9) >> 6);

    private static int Utf8Length(int code) => code switch { < 0x80 => 1, < 0x800 => 2, < 0x10000 => 3, _ => 4 };
}
