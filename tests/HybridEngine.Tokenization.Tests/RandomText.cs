using System.Text;

namespace HybridEngine.Tokenization.Tests;

/// <summary>Text that is hard on tokenizers: words, runs of spaces, digits, all planes of Unicode.</summary>
internal static class RandomText
{
    private static readonly string[] Words = ["the", " the", "Hello", "don't", " I'll", "\n\n", "   ", "\t", "2025", "½", "naïve", "日本語", "😀", "👩‍👧", "e\u0301", "ǅ", "\u00A0", "\u2581", "<s>", "\u0000", "ſ", "𝒜x", "한국어", "مرحبا"];

    public static string Next(Random random, int length)
    {
        var text = new StringBuilder();
        while (text.Length < length)
        {
            switch (random.Next(4))
            {
                case 0: text.Append((char)random.Next(0x20, 0x7F)); break;
                case 1: text.Append(Character(random)); break;
                default: text.Append(Words[random.Next(Words.Length)]); break;
            }
        }
        return text.ToString();
    }

    private static Rune Character(Random random)
    {
        while (true)
        {
            int code = random.Next(random.Next(3) switch { 0 => 0x300, 1 => 0x10000, _ => 0x110000 });
            if (Rune.IsValid(code)) return new Rune(code);
        }
    }
}
