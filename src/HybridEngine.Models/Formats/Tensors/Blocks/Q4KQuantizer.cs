using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HybridEngine.Models;

/// <summary>Quantizes to Q4_K (<see cref="KBlocks"/>) with the least squared error it finds; the format says nothing of how to choose.</summary>
/// <remarks>
/// A part's values are approximated by q*s - m, q of 0 to 15, s and m not negative. For each of several guesses of s the rounded q give s and m by linear least squares; the best pair of the
/// part is kept. The eight pairs are then rounded to 6 bits of the block's two float16 units, and of the pairs around the rounded one the best by what it really decodes to is taken.
/// Unweighted: the error of a matrix-vector product with inputs of equal variance is that of the weights.
/// </remarks>
internal static class Q4KQuantizer
{
    private const int PartLength = 32, Most = 15, MostScale = 63;

    // Guesses of the steps between the least and the greatest value: fewer than 15 spread the grid beyond the extremes, more cut them.
    private const float FirstSteps = 13.2f, LastSteps = 16.9f, NextSteps = 0.2f;

    public static void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<float> scales = stackalloc float[KBlocks.Parts], minima = stackalloc float[KBlocks.Parts];
        Span<byte> s = stackalloc byte[KBlocks.Parts], m = stackalloc byte[KBlocks.Parts];
        for (; source.Length > 0; source = source[KBlocks.Length..], destination = destination[144..])
        {
            for (int part = 0; part < KBlocks.Parts; part++) { (scales[part], minima[part]) = Fit(new Part(source[(part * PartLength)..])); }
            float d = Unit(scales), minimum = Unit(minima);
            MemoryMarshal.Write(destination, (Half)d);
            MemoryMarshal.Write(destination[2..], (Half)minimum);
            for (int part = 0; part < KBlocks.Parts; part++)
            {
                Part x = new(source[(part * PartLength)..]);
                (s[part], m[part]) = Round(x, d, minimum, scales[part], minima[part]);
                x.Pack(d * s[part], minimum * m[part], part % 2 * 4, destination.Slice(16 + part / 2 * PartLength, PartLength));
            }

            KBlocks.PackScales(s, m, destination[4..]);
        }
    }

    // As the file will hold it, so that what follows rounds to what is read back.
    private static float Unit(ReadOnlySpan<float> values)
    {
        float most = 0;
        foreach (float v in values) { most = Math.Max(most, v); }
        return (float)(Half)(most / MostScale);
    }

    private static (float Scale, float Minimum) Fit(Part x)
    {
        float least = Math.Min(0, x.Least), range = x.Greatest - least;
        if (range <= 0) { return (0, -least); }
        (float Scale, float Minimum) best = (range / Most, -least);
        double bestError = double.MaxValue;
        for (float steps = FirstSteps; steps <= LastSteps; steps += NextSteps)
        {
            (float scale, float minimum, double error) = x.LeastSquares(range / steps, -least);
            if (error < bestError) { (best, bestError) = ((scale, minimum), error); }
        }

        // The values move to the new grid, the grid to their new places, while that helps.
        for (int round = 0; round < 3; round++)
        {
            (float scale, float minimum, double error) = x.LeastSquares(best.Scale, best.Minimum);
            if (error >= bestError) { break; }
            (best, bestError) = ((scale, minimum), error);
        }

        return best;
    }

    private static (byte Scale, byte Minimum) Round(Part x, float d, float minimum, float scale, float m)
    {
        int nearScale = d > 0 ? (int)MathF.Round(scale / d) : 0, nearMinimum = minimum > 0 ? (int)MathF.Round(m / minimum) : 0;
        (byte, byte) best = default;
        float bestError = float.MaxValue;
        for (int i = Math.Max(0, nearScale - 1); i <= Math.Min(MostScale, nearScale + 1); i++)
        {
            for (int j = Math.Max(0, nearMinimum - 1); j <= Math.Min(MostScale, nearMinimum + 1); j++)
            {
                float error = x.Error(d * i, minimum * j);
                if (error < bestError) { (best, bestError) = (((byte)i, (byte)j), error); }
            }
        }

        return best;
    }

    /// <summary>Thirty-two values in registers.</summary>
    private readonly struct Part
    {
        private readonly Vector256<float> _a, _b, _c, _d;
        private readonly double _sum, _sumOfSquares;

        public Part(ReadOnlySpan<float> x)
        {
            (_a, _b, _c, _d) = (Vector256.Create(x[..8]), Vector256.Create(x.Slice(8, 8)), Vector256.Create(x.Slice(16, 8)), Vector256.Create(x.Slice(24, 8)));
            _sum = Vector256.Sum(_a + _b + (_c + _d));
            _sumOfSquares = Vector256.Sum(_a * _a + _b * _b + (_c * _c + _d * _d));
            Vector256<float> least = Vector256.Min(Vector256.Min(_a, _b), Vector256.Min(_c, _d)), greatest = Vector256.Max(Vector256.Max(_a, _b), Vector256.Max(_c, _d));
            (Least, Greatest) = (least[0], greatest[0]);
            for (int i = 1; i < 8; i++) { (Least, Greatest) = (Math.Min(Least, least[i]), Math.Max(Greatest, greatest[i])); }
        }

        public float Least { get; }

        public float Greatest { get; }

        /// <summary>The grid that fits best the numbers which this grid gives the values, and its squared error.</summary>
        public (float Scale, float Minimum, double Error) LeastSquares(float scale, float minimum)
        {
            Vector256<float> a = Number(_a, scale, minimum), b = Number(_b, scale, minimum), c = Number(_c, scale, minimum), d = Number(_d, scale, minimum);
            double q = Vector256.Sum(a + b + (c + d)), qq = Vector256.Sum(a * a + b * b + (c * c + d * d)), xq = Vector256.Sum(a * _a + b * _b + (c * _c + d * _d));
            double determinant = PartLength * qq - q * q;
            if (determinant <= 0) { return (scale, minimum, double.MaxValue); }
            double s = (PartLength * xq - _sum * q) / determinant, m = (q * s - _sum) / PartLength;
            // The format knows no positive offset: then the best grid begins at 0.
            if (m < 0) { (s, m) = (xq / qq, 0); }
            return s > 0 ? ((float)s, (float)m, _sumOfSquares - 2 * s * xq + 2 * m * _sum + s * s * qq - 2 * s * m * q + PartLength * m * m) : (scale, minimum, double.MaxValue);
        }

        /// <summary>Squared error of the values on a grid.</summary>
        public float Error(float scale, float minimum)
        {
            Vector256<float> a = Miss(_a), b = Miss(_b), c = Miss(_c), d = Miss(_d);
            return Vector256.Sum(a * a + b * b + (c * c + d * d));

            Vector256<float> Miss(Vector256<float> x) => Number(x, scale, minimum) * scale - Vector256.Create(minimum) - x;
        }

        /// <summary>The numbers, into the low (shift 0) or high (4) halves of 32 bytes.</summary>
        public void Pack(float scale, float minimum, int shift, Span<byte> bytes)
        {
            Vector128<byte> low = Narrow(_a, _b), high = Narrow(_c, _d);
            // The low halves come first; the high ones join them.
            (shift == 0 ? low : (low << 4) | Vector128.Create<byte>(bytes[..16])).CopyTo(bytes);
            (shift == 0 ? high : (high << 4) | Vector128.Create<byte>(bytes.Slice(16, 16))).CopyTo(bytes[16..]);

            Vector128<byte> Narrow(Vector256<float> first, Vector256<float> second)
            {
                Vector256<short> words = Vector256.Narrow(Vector256.ConvertToInt32(Number(first, scale, minimum)), Vector256.ConvertToInt32(Number(second, scale, minimum)));
                return Vector128.Narrow(words.GetLower(), words.GetUpper()).AsByte();
            }
        }

        private static Vector256<float> Number(Vector256<float> x, float scale, float minimum)
        {
            float inverse = scale > 0 ? 1 / scale : 0;
            return Vector256.Min(Vector256.Max(Vector256.Round((x + Vector256.Create(minimum)) * inverse), Vector256<float>.Zero), Vector256.Create((float)Most));
        }
    }
}
