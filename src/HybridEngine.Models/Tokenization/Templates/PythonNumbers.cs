using System.Globalization;
using System.Numerics;

namespace HybridEngine.Models;

/// <summary>Numbers from texts, and rounding as Python does it: exactly on the binary value, ties to even.</summary>
internal static class PythonNumbers
{
    public static bool TryInteger(string text, int radix, out BigInteger value)
    {
        value = 0;
        string digits = text.Trim().Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
        bool negative = digits.StartsWith('-');
        if (negative || digits.StartsWith('+')) digits = digits[1..];
        int named = digits.Length > 2 && digits[0] == '0' ? digits[1] switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (named != 0 && (radix == 0 || radix == named)) (radix, digits) = (named, digits[2..]);
        if (radix == 0) radix = 10;
        if (digits.Length is 0 or > 4000) return false;
        TemplateInterpreter.Work(4L * digits.Length);
        foreach (char c in digits)
        {
            int digit = char.IsAsciiDigit(c) ? c - '0' : c is >= 'a' and <= 'z' ? c - 'a' + 10 : radix;
            if (digit >= radix) return false;
            value = value * radix + digit;
        }
        if (negative) value = -value;
        return true;
    }

    public static bool TryFloat(object? value, out double number)
    {
        number = 0;
        if (PythonOperators.IsNumber(value)) number = PythonOperators.ToDouble(value);
        else if (value is not (string or SafeText)) return false;
        else
        {
            string text = PythonText.Str(value).Trim().Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
            if (text.TrimStart('+', '-') is "inf" or "infinity") number = text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            else if (text.TrimStart('+', '-') == "nan") number = double.NaN;
            else return double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out number);
        }
        return true;
    }

    public static double Round(double value, int digits) => !double.IsFinite(value) || digits > 330 ? value
        : double.Parse(digits >= 0 ? Fixed(value, digits) : Scaled(value, digits) + new string('0', -digits), CultureInfo.InvariantCulture);

    public static BigInteger RoundInteger(BigInteger value, int digits) => digits >= 0 ? value : Divide(value, BigInteger.Pow(10, -digits)) * BigInteger.Pow(10, -digits);

    /// <summary>A number with so many digits after the point.</summary>
    public static string Fixed(double value, int digits)
    {
        if (!double.IsFinite(value)) return PythonText.Float(value);
        string scaled = Scaled(Math.Abs(value), digits).PadLeft(digits + 1, '0');
        string text = digits == 0 ? scaled : $"{scaled[..^digits]}.{scaled[^digits..]}";
        return (double.IsNegative(value) ? "-" : "") + text;
    }

    public static string FileSize(object? value, bool binary)
    {
        if (!TryFloat(value, out double bytes)) throw new TemplateException($"could not convert {PythonText.Repr(value)} to a size");
        double step = binary ? 1024 : 1000;
        string[] units = binary ? ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"] : ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
        if (bytes == 1) return "1 Byte";
        if (bytes < step) return $"{(long)bytes} Bytes";
        double unit = step;
        foreach (string name in units)
        {
            unit *= step;
            if (bytes < unit || name == units[^1]) return $"{Fixed(step * bytes / unit, 1)} {name}";
        }
        return "";
    }

    /// <summary>value * 10^digits as an integer, ties to even.</summary>
    private static string Scaled(double value, int digits)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)((bits >> 52) & 0x7FF);
        BigInteger mantissa = (bits & 0xFFFFFFFFFFFFF) | (exponent == 0 ? 0 : 1L << 52);
        exponent = Math.Max(exponent, 1) - 1075;
        BigInteger numerator = (value < 0 ? -mantissa : mantissa) * BigInteger.Pow(10, Math.Max(digits, 0)) * BigInteger.Pow(2, Math.Max(exponent, 0));
        BigInteger denominator = BigInteger.Pow(10, Math.Max(-digits, 0)) * BigInteger.Pow(2, Math.Max(-exponent, 0));
        return Divide(numerator, denominator).ToString(CultureInfo.InvariantCulture);
    }

    private static BigInteger Divide(BigInteger numerator, BigInteger denominator)
    {
        BigInteger quotient = BigInteger.DivRem(BigInteger.Abs(numerator), denominator, out BigInteger remainder);
        int half = (2 * remainder).CompareTo(denominator);
        if (half > 0 || (half == 0 && !quotient.IsEven)) quotient++;
        return numerator.Sign < 0 ? -quotient : quotient;
    }
}
