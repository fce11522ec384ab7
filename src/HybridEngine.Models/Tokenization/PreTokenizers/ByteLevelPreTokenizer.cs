using System.Text;

namespace HybridEngine.Models;

/// <summary>Writes text as UTF-8, each byte as one character of GPT-2's alphabet; may split by GPT-2's pattern first.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : IPreTokenizer
{
    private static readonly SplitPreTokenizer Gpt2Split = new(new PatternMatcher(PatternMatcher.Gpt2, "ByteLevel"), SplitBehavior.Isolated);

    public PreTokenized Apply(PreTokenized input)
    {
        if (addPrefixSpace) input = input.Rewrite(AddPrefixSpace);
        if (useRegex) input = Gpt2Split.Apply(input);
        return input.Rewrite(WriteBytes);
    }

    private static void AddPrefixSpace(AlignedText text, int start, int end, List<Unit> units)
    {
        // The space belongs to the character before which it was put.
        if (text[start].Code != ' ') units.Add(text[start] with { Code = ' ' });
        units.AddRange(text.Units[start..end]);
    }

    public static void WriteBytes(AlignedText text, int start, int end, List<Unit> units)
    {
        Span<byte> bytes = stackalloc byte[4];
        for (int i = start; i < end; i++)
        {
            Unit unit = text[i];
            if (unit.Code < 0x80)
            {
                units.Add(unit with { Code = ByteAlphabet.Letters[unit.Code] });
                continue;
            }
            int length = new Rune(unit.Code).EncodeToUtf8(bytes);
            foreach (byte value in bytes[..length]) units.Add(unit with { Code = ByteAlphabet.Letters[value] });
        }
    }
}
