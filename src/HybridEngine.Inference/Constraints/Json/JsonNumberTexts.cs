using System.Globalization;
using System.Numerics;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Languages of numbers as JSON writes them without an exponent: compared with a bound, or multiples of a number. Exact at any length.</summary>
internal static class JsonNumberTexts
{
    private const int MostDigits = 400;

    private const string Characters = "-.0123456789";

    private static readonly (int[] Starts, int[] Classes) Alphabet = MakeAlphabet();

    private enum Phase { Start, Minus, Zero, Whole, Point, Fraction }

    private readonly record struct Comparison(Phase Phase, bool Negative, int At, int Order);

    private readonly record struct Division(Phase Phase, int Remainder, int Places);

    /// <summary>Numbers of which the comparison with a bound (-1, 0 or 1) satisfies a condition.</summary>
    /// <param name="bound">The bound.</param>
    /// <param name="condition">Of the sign of number - bound.</param>
    /// <param name="limit">How large the automaton may get.</param>
    public static Dfa Compared(JsonDecimal bound, Func<int, bool> condition, DfaLimit limit)
    {
        string whole = bound.Whole, fraction = bound.Fraction;
        Comparison Step(Comparison from, Phase phase, int digit)
        {
            switch (phase)
            {
                case Phase.Minus:
                    return new(phase, true, 0, 0);
                case Phase.Point:
                    // Digits before the point: more of them is more, else their order decides.
                    return new(phase, from.Negative, 0, WholeOrder(from.At, from.Order));
                case Phase.Zero or Phase.Whole:
                    int order = from.Order != 0 || from.At >= whole.Length ? from.Order : digit.CompareTo(whole[from.At] - '0');
                    return new(phase, from.Negative, Math.Min(from.At + 1, whole.Length + 1), from.At + 1 > whole.Length ? 1 : order);
                default:
                    int expected = from.At < fraction.Length ? fraction[from.At] - '0' : 0;
                    return new(phase, from.Negative, Math.Min(from.At + 1, fraction.Length), from.Order != 0 ? from.Order : Math.Sign(digit.CompareTo(expected)));
            }
        }

        int WholeOrder(int digits, int order) => digits < whole.Length ? -1 : digits > whole.Length ? 1 : Math.Sign(order);

        bool Accepts(Comparison state)
        {
            int order = state.Phase is Phase.Zero or Phase.Whole ? WholeOrder(state.At, state.Order) : state.Order;
            int digits = state.Phase == Phase.Fraction ? state.At : 0;
            if (order == 0 && digits < fraction.Length) { order = -1; }
            bool zero = bound.IsZero && order == 0;
            int sign = state.Negative == bound.Negative || zero ? state.Negative ? -order : order : state.Negative ? -1 : 1;
            // -0 is 0, on either side.
            if (bound.IsZero) { sign = order == 0 ? 0 : state.Negative ? -1 : 1; }
            return condition(Math.Sign(sign));
        }

        return Explore(new Comparison(Phase.Start, false, 0, 0), state => state.Phase, Step, Accepts, limit);
    }

    /// <summary>Multiples of a number; those of 1 are the integers.</summary>
    public static Dfa MultiplesOf(JsonDecimal unit, DfaLimit limit)
    {
        BigInteger large = BigInteger.Parse(unit.Whole + unit.Fraction, CultureInfo.InvariantCulture);
        int places = unit.Fraction.Length;
        if (large.IsZero || large * (places + 2) > 50_000) { throw new UnsupportedException(limit.Source, "multipleOf with so many steps", "multiples of up to 50,000 of the last decimal place"); }
        int modulus = (int)large;
        Division Step(Division from, Phase phase, int digit) => from.Remainder < 0 ? from : phase switch
        {
            Phase.Minus or Phase.Point => new(phase, from.Remainder, 0),
            // Beyond the unit's own places nothing but zeros can follow.
            Phase.Fraction when from.Places == places => new(phase, digit == 0 ? from.Remainder : -1, places),
            Phase.Fraction => new(phase, (from.Remainder * 10 + digit) % modulus, from.Places + 1),
            _ => new(phase, (from.Remainder * 10 + digit) % modulus, 0),
        };

        bool Accepts(Division state)
        {
            if (state.Remainder < 0) { return false; }
            long rest = state.Remainder;
            for (int i = state.Places; i < places; i++) { rest = rest * 10 % modulus; }
            return rest == 0;
        }

        return Explore(new Division(Phase.Start, 0, 0), state => state.Phase, Step, Accepts, limit);
    }

    private static Dfa Explore<T>(T start, Func<T, Phase> phaseOf, Func<T, Phase, int, T> step, Func<T, bool> accepts, DfaLimit limit) where T : notnull => Dfa.Explore(
        Alphabet.Starts,
        Alphabet.Classes,
        start,
        (state, c) =>
        {
            Phase? phase = c == 0 ? null : After(phaseOf(state), Characters[c - 1]);
            return phase is { } next ? (true, step(state, next, Characters[c - 1] - '0')) : (false, state);
        },
        state => phaseOf(state) is Phase.Zero or Phase.Whole or Phase.Fraction && accepts(state),
        limit);

    private static Phase? After(Phase phase, char character) => (phase, character) switch
    {
        (Phase.Start, '-') => Phase.Minus,
        (Phase.Start or Phase.Minus, '0') => Phase.Zero,
        (Phase.Start or Phase.Minus or Phase.Whole, >= '0' and <= '9') => Phase.Whole,
        (Phase.Zero or Phase.Whole, '.') => Phase.Point,
        (Phase.Point or Phase.Fraction, >= '0' and <= '9') => Phase.Fraction,
        _ => null,
    };

    private static (int[], int[]) MakeAlphabet()
    {
        // Class 0 is every other character; the others are one character each, in order of their code points but for '/'.
        var starts = new List<int> { 0 };
        var classes = new List<int> { 0 };
        for (int i = 0; i < Characters.Length; i++)
        {
            starts.Add(Characters[i]);
            classes.Add(i + 1);
            if (i + 1 == Characters.Length || Characters[i + 1] != Characters[i] + 1)
            {
                starts.Add(Characters[i] + 1);
                classes.Add(0);
            }
        }

        return ([.. starts], [.. classes]);
    }

    /// <summary>Refuses numbers of absurd length.</summary>
    public static JsonDecimal Read(string text, string source)
    {
        JsonDecimal value = JsonDecimal.Parse(text, MostDigits) ?? throw new UnsupportedException(source, "a number of so many digits", $"up to {MostDigits} digits before and after the point");
        return value;
    }
}

/// <summary>A decimal number, exactly: digits before and after the point, without zeros that say nothing.</summary>
internal sealed record JsonDecimal(bool Negative, string Whole, string Fraction)
{
    public bool IsZero => Whole == "0" && Fraction.Length == 0;

    public bool IsInteger => Fraction.Length == 0;

    /// <summary>Reads a JSON number, or null where its digits are more than a limit.</summary>
    public static JsonDecimal? Parse(string text, int mostDigits)
    {
        bool negative = text.StartsWith('-');
        int exponentAt = text.AsSpan().IndexOfAny('e', 'E');
        ReadOnlySpan<char> mantissa = text.AsSpan(negative ? 1 : 0, (exponentAt < 0 ? text.Length : exponentAt) - (negative ? 1 : 0));
        BigInteger exponent = exponentAt < 0 ? 0 : BigInteger.Parse(text.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        int point = mantissa.IndexOf('.');
        string digits = point < 0 ? mantissa.ToString() : string.Concat(mantissa[..point], mantissa[(point + 1)..]);
        if (digits.Trim('0').Length == 0) { return new JsonDecimal(false, "0", ""); }
        BigInteger at = (point < 0 ? mantissa.Length : point) + exponent;
        if (digits.Length > mostDigits || BigInteger.Abs(at) > mostDigits) { return null; }
        int places = (int)at;
        if (places <= 0) { (digits, places) = (new string('0', 1 - places) + digits, 1); }
        if (places > digits.Length) { digits = digits.PadRight(places, '0'); }
        string whole = digits[..places].TrimStart('0'), fraction = digits[places..].TrimEnd('0');
        return new JsonDecimal(negative, whole.Length == 0 ? "0" : whole, fraction);
    }
}
