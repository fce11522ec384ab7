using System.Globalization;

namespace HybridEngine.Models;

/// <summary>The four normalization forms over aligned text.</summary>
/// <remarks>Our own, because <see cref="string.Normalize()"/> changes nothing under InvariantGlobalization, and because offsets must survive it.
/// Source: Unicode Standard Annex 15; Hangul by arithmetic (section 3.12 of the standard).</remarks>
internal static class UnicodeNormalization
{
    private const int HangulBase = 0xAC00, HangulCount = 11172, LBase = 0x1100, LCount = 19, VBase = 0x1161, VCount = 21, TBase = 0x11A7, TCount = 28;

    private static readonly Lazy<Tables> Data = new(Tables.Read);

    /// <summary>Decomposes, orders marks and, if asked, composes.</summary>
    /// <param name="text">The text; not changed.</param>
    /// <param name="compatible">Whether compatibility decompositions apply (the K forms).</param>
    /// <param name="compose">Whether to compose again (the C forms).</param>
    public static AlignedText Normalize(AlignedText text, bool compatible, bool compose)
    {
        if (IsAscii(text)) return text;
        Tables data = Data.Value;
        var units = new List<Unit>(text.Length);
        Decompose(text, compatible, data, units);
        Order(units, data);
        if (compose) Compose(units, data);
        return AlignedText.FromUnits(units);
    }

    private static bool IsAscii(AlignedText text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i].Code >= 0x80) return false;
        }
        return true;
    }

    private static void Decompose(AlignedText text, bool compatible, Tables data, List<Unit> units)
    {
        for (int i = 0; i < text.Length; i++)
        {
            Unit unit = text[i];
            int hangul = unit.Code - HangulBase;
            if ((uint)hangul < HangulCount)
            {
                units.Add(unit with { Code = LBase + hangul / (VCount * TCount) });
                units.Add(unit with { Code = VBase + hangul % (VCount * TCount) / TCount });
                if (hangul % TCount != 0) units.Add(unit with { Code = TBase + hangul % TCount });
            }
            else if (unit.Code >= 0x80 && ((compatible && data.Compatible.TryGetValue(unit.Code, out int[]? parts)) || data.Canonical.TryGetValue(unit.Code, out parts)))
            {
                foreach (int part in parts) units.Add(unit with { Code = part });
            }
            else units.Add(unit);
        }
    }

    /// <summary>Sorts each run of combining marks by class, stably. The alignment stays with the place, not with the mark, as in the tokenizers library.</summary>
    private static void Order(List<Unit> units, Tables data)
    {
        for (int start = 0; start < units.Count; start++)
        {
            if (data.Class(units[start].Code) == 0) continue;
            int end = start + 1;
            while (end < units.Count && data.Class(units[end].Code) != 0) end++;
            if (end - start > 1)
            {
                // A stable sort that stays n log n when somebody sends a million marks.
                int[] sorted = units.GetRange(start, end - start).Select(unit => unit.Code).OrderBy(data.Class).ToArray();
                for (int i = 0; i < sorted.Length; i++) units[start + i] = units[start + i] with { Code = sorted[i] };
            }
            start = end;
        }
    }

    /// <summary>Composes in place. A composite keeps the offsets of its first character, as the tokenizers library gives them.</summary>
    private static void Compose(List<Unit> units, Tables data)
    {
        int starter = -1, written = 0, lastClass = -1;
        foreach (Unit unit in units.ToArray())
        {
            int unitClass = data.Class(unit.Code);
            // Blocked: something stands between (lastClass >= 0) whose class is not lower.
            bool blocked = lastClass >= 0 && (lastClass == 0 || lastClass >= unitClass);
            if (starter >= 0 && !blocked && TryCompose(units[starter].Code, unit.Code, data, out int composite))
            {
                units[starter] = units[starter] with { Code = composite };
                continue;
            }
            if (unitClass == 0) (starter, lastClass) = (written, -1);
            else lastClass = unitClass;
            units[written++] = unit;
        }
        units.RemoveRange(written, units.Count - written);
    }

    private static bool TryCompose(int first, int second, Tables data, out int composite)
    {
        int l = first - LBase, v = second - VBase;
        if ((uint)l < LCount && (uint)v < VCount)
        {
            composite = HangulBase + (l * VCount + v) * TCount;
            return true;
        }
        int syllable = first - HangulBase, t = second - TBase;
        if ((uint)syllable < HangulCount && syllable % TCount == 0 && t is > 0 and < TCount)
        {
            composite = first + t;
            return true;
        }
        return data.Composites.TryGetValue(((long)first << 32) | (uint)second, out composite);
    }

    private sealed class Tables
    {
        private readonly Dictionary<int, byte> _classes = [];

        public Dictionary<int, int[]> Canonical { get; } = [];

        public Dictionary<int, int[]> Compatible { get; } = [];

        public Dictionary<long, int> Composites { get; } = [];

        public byte Class(int code) => code < 0x300 ? (byte)0 : _classes.GetValueOrDefault(code);

        public static Tables Read()
        {
            var tables = new Tables();
            using Stream stream = typeof(UnicodeNormalization).Assembly.GetManifestResourceStream("HybridEngine.Models.normalization.txt")
                ?? throw new InvalidOperationException("The resource normalization.txt is missing from the assembly.");
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                if (line.Length == 0 || line[0] == '#') continue;
                string[] fields = line.Split(' ');
                int code = Hex(fields[1]);
                switch (line[0])
                {
                    case 'c': tables._classes[code] = byte.Parse(fields[2], CultureInfo.InvariantCulture); break;
                    case 'd': tables.Canonical[code] = fields[2..].Select(Hex).ToArray(); break;
                    case 'k': tables.Compatible[code] = fields[2..].Select(Hex).ToArray(); break;
                    default: tables.Composites[((long)code << 32) | (uint)Hex(fields[2])] = Hex(fields[3]); break;
                }
            }
            return tables;
        }

        private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
