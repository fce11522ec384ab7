namespace HybridEngine.Models;

/// <summary>The <c>padding</c> section: results are filled up to a length.</summary>
/// <remarks>Source: <c>utils/padding</c> of the tokenizers library. One text is a batch of its own, so its length is also the longest of the batch.</remarks>
/// <param name="Length">The length to reach, or null for the text's own.</param>
/// <param name="Multiple">The length becomes a multiple of this; 0 for any.</param>
/// <param name="OnLeft">Whether padding goes before the text.</param>
/// <param name="Filler">The token that fills.</param>
internal sealed record Padding(int? Length, int Multiple, bool OnLeft, Token Filler)
{
    // Longer results of padding than any model's window are damage.
    private const int LongestLength = 1 << 20;

    /// <summary>The length of a result of so many tokens after padding.</summary>
    public int LengthOf(int count)
    {
        int length = Length ?? count;
        return Multiple > 0 && length % Multiple > 0 ? length + Multiple - length % Multiple : length;
    }

    public static Padding? Read(JsonSection section)
    {
        if (section.IsNull) return null;
        JsonSection strategy = section["strategy"];
        int? length = null;
        // "BatchLongest", or {"Fixed": n}.
        if (strategy.IsObject) length = Truncation.AtLeast(strategy, "Fixed", 0, 0);
        else if (!strategy.IsNull && strategy.AsString() != "BatchLongest") throw strategy.Wrong("BatchLongest or {\"Fixed\": ...}");
        int multiple = Truncation.AtLeast(section, "pad_to_multiple_of", 0, 0);
        if (length > LongestLength || multiple > LongestLength) throw section.Wrong($"lengths up to {LongestLength}");
        var filler = new Token(section.Number("pad_id", 0), section.StringOrNull("pad_token") ?? "[PAD]", 0, 0, section.Number("pad_type_id", 0));
        return new Padding(length, multiple, IsLeft(section), filler);
    }

    internal static bool IsLeft(JsonSection section) => (section.StringOrNull("direction") ?? "Right") switch
    {
        "Left" => true,
        "Right" => false,
        _ => throw section["direction"].Wrong("Left or Right"),
    };
}
