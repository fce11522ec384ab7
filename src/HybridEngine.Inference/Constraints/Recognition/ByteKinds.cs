namespace HybridEngine.Inference;

/// <summary>Eight kinds of bytes. Most tokens hold letters and spaces alone, so what is known of kinds spares looking at tokens one by one.</summary>
internal static class ByteKinds
{
    private static readonly byte[] Kinds = Make();

    /// <summary>Bytes of each kind, by the kind's bit.</summary>
    public static byte[][] Members { get; } = [.. Enumerable.Range(0, 8).Select(bit => Enumerable.Range(0, 256).Where(value => Kinds[value] == 1 << bit).Select(value => (byte)value).ToArray())];

    /// <summary>The bit of a byte's kind.</summary>
    public static byte Of(byte value) => Kinds[value];

    private static byte[] Make()
    {
        var kinds = new byte[256];
        for (int value = 0; value < 256; value++)
        {
            kinds[value] = (char)value switch
            {
                >= 'a' and <= 'z' => 1,
                >= 'A' and <= 'Z' => 2,
                >= '0' and <= '9' => 4,
                ' ' => 8,
                '"' or '\\' => 16,
                > ' ' and < (char)0x7F => 32,
                < ' ' or (char)0x7F => 64,
                _ => 128,
            };
        }

        return kinds;
    }
}
