using System.Runtime.InteropServices;
using System.Text;

namespace HybridEngine.Models;

/// <summary>One character of a text on its way to the model, and the characters of the original text that it stands for.</summary>
/// <param name="Code">Unicode code point.</param>
/// <param name="Start">First code point of the original text that it came from.</param>
/// <param name="End">One past the last.</param>
internal readonly record struct Unit(int Code, int Start, int End);

/// <summary>Text as code points, each aligned to the original text. Normalizers and pre-tokenizers map one to the next, so offsets come for free at the end.</summary>
internal sealed class AlignedText
{
    private const int Replacement = 0xFFFD;

    private readonly Unit[] _units;
    private readonly int _start;

    private AlignedText(Unit[] units, int start, int length) => (_units, _start, Length) = (units, start, length);

    public int Length { get; }

    public ref readonly Unit this[int index] => ref _units[_start + index];

    public ReadOnlySpan<Unit> Units => _units.AsSpan(_start, Length);

    /// <summary>The whole of a text, aligned to itself. An unpaired surrogate counts as U+FFFD: it has no UTF-8 form.</summary>
    public static AlignedText FromString(string text)
    {
        var units = new Unit[text.Length];
        int length = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            units[length] = new Unit(rune.Value, length, length + 1);
            length++;
        }
        return new AlignedText(units, 0, length);
    }

    public static AlignedText FromUnits(List<Unit> units) => new(CollectionsMarshal.AsSpan(units).ToArray(), 0, units.Count);

    public static AlignedText FromUnits(Unit[] units) => new(units, 0, units.Length);

    /// <summary>A part of the text; shares storage.</summary>
    public AlignedText Slice(int start, int end) => new(_units, _start + start, end - start);

    /// <summary>The characters as a string.</summary>
    public string ToText(int start, int end)
    {
        var builder = new StringBuilder(end - start);
        for (int i = start; i < end; i++) AppendCode(builder, this[i].Code);
        return builder.ToString();
    }

    public string ToText() => ToText(0, Length);

    /// <summary>Writes characters as UTF-16; returns how many units, at most two a character.</summary>
    public int CopyTo(int start, int end, Span<char> destination)
    {
        int written = 0;
        for (int i = start; i < end; i++)
        {
            int code = this[i].Code;
            if (code < 0x10000) destination[written++] = (char)code;
            else written += new Rune(code).EncodeToUtf16(destination[written..]);
        }
        return written;
    }

    private static void AppendCode(StringBuilder builder, int code)
    {
        if (code < 0x10000) builder.Append((char)code);
        else builder.Append(new Rune(Rune.IsValid(code) ? code : Replacement).ToString());
    }
}
