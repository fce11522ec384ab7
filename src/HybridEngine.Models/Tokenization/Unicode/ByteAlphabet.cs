namespace HybridEngine.Models;

/// <summary>GPT-2's way to write any byte as a printable character: printable Latin-1 bytes stand for themselves, the other 68 take U+0100 to U+0143 in order.</summary>
/// <remarks>Source: bytes_to_unicode of openai/gpt-2.</remarks>
internal static class ByteAlphabet
{
    /// <summary>The character of each byte.</summary>
    public static readonly char[] Letters = MakeLetters();

    private static readonly short[] Bytes = MakeBytes();

    /// <summary>The letter of the space, which begins most words.</summary>
    public static char Space => Letters[' '];

    /// <summary>The byte that a character stands for, or false when it is not of the alphabet.</summary>
    public static bool TryByte(char letter, out byte value)
    {
        short found = letter < Bytes.Length ? Bytes[letter] : (short)-1;
        value = (byte)found;
        return found >= 0;
    }

    private static char[] MakeLetters()
    {
        var letters = new char[256];
        char next = '\u0100';
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is >= 0x21 and <= 0x7E or >= 0xA1 and <= 0xAC or >= 0xAE;
            letters[value] = printable ? (char)value : next++;
        }
        return letters;
    }

    private static short[] MakeBytes()
    {
        var bytes = new short[0x144];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < 256; value++) bytes[Letters[value]] = (short)value;
        return bytes;
    }
}
