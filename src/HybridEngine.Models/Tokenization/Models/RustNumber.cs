using System.Globalization;

namespace HybridEngine.Models;

/// <summary>Reads a JSON number as Rust's serde_json does, which the tokenizers library is built on: digits as an integer, then one division or product by a power of ten.</summary>
/// <remarks>The last bit can differ from the nearest double, and where two divisions of a text have the same score, as <c>-|--</c> and <c>--|-</c>, the last bit decides.</remarks>
internal static class RustNumber
{
    private const int LargestPower = 308;

    /// <param name="text">A number as JSON writes it.</param>
    public static double Parse(string text)
    {
        ulong digits = 0;
        int exponent = 0, at = text[0] == '-' ? 1 : 0;
        bool fraction = false, full = false;
        for (; at < text.Length && text[at] is not ('e' or 'E'); at++)
        {
            if (text[at] == '.')
            {
                fraction = true;
                continue;
            }
            ulong digit = (ulong)(text[at] - '0');
            full |= digits > (ulong.MaxValue - digit) / 10;
            if (full && !fraction) return double.Parse(text, CultureInfo.InvariantCulture);
            if (full) continue;
            digits = digits * 10 + digit;
            if (fraction) exponent--;
        }
        if (at < text.Length && int.TryParse(text.AsSpan(at + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int written)) exponent += Math.Clamp(written, -100_000, 100_000);
        double value = digits;
        for (; exponent < -LargestPower && value != 0; exponent += LargestPower) value /= 1e308;
        if (exponent < 0) value /= Power(Math.Min(-exponent, LargestPower));
        else if (exponent > 0) value *= exponent <= LargestPower ? Power(exponent) : double.PositiveInfinity;
        return text[0] == '-' ? -value : value;
    }

    private static double Power(int exponent) => double.Parse(string.Create(CultureInfo.InvariantCulture, $"1e{exponent}"), CultureInfo.InvariantCulture);
}
