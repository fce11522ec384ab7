using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HybridEngine.Models;

/// <summary>Quantizes to Q6_K (<see cref="KBlocks"/>) with the least squared error it finds; the format says nothing of how to choose.</summary>
/// <remarks>
/// A part's 16 values are approximated by q*s, q of -32 to 31. For each of several guesses of s the rounded q give s by least squares. The sixteen scales are then rounded to int8 of the
/// block's float16 unit, and of the neighbours of the rounded one the best by what it really decodes to is taken.
/// </remarks>
internal static class Q6KQuantizer
{
    private const int PartLength = 16, Parts = 16, Least = -32, Most = 31;

    // Guesses of the number that the extreme value gets.
    private const float FirstExtreme = 29.6f, LastExtreme = 33.4f, NextExtreme = 0.2f;

    public static void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<float> fitted = stackalloc float[Parts];
        Span<sbyte> numbers = stackalloc sbyte[KBlocks.Length];
        for (; source.Length > 0; source = source[KBlocks.Length..], destination = destination[210..])
        {
            float extreme = 0;
            for (int part = 0; part < Parts; part++)
            {
                fitted[part] = new Part(source[(part * PartLength)..]).Fit();
                if (Math.Abs(fitted[part]) > Math.Abs(extreme)) { extreme = fitted[part]; }
            }

            // As the file will hold it. The extreme scale becomes -128, the int8 of greatest magnitude.
            float d = (float)(Half)(extreme / -128);
            MemoryMarshal.Write(destination[208..], (Half)d);
            Span<sbyte> scales = MemoryMarshal.Cast<byte, sbyte>(destination.Slice(192, Parts));
            for (int part = 0; part < Parts; part++)
            {
                Part x = new(source[(part * PartLength)..]);
                scales[part] = x.Round(d, fitted[part]);
                x.Write(d * scales[part], numbers[(part * PartLength)..]);
            }

            Pack(numbers, destination);
        }
    }

    // Halves of 128 numbers: the low four bits of its quarters 0 and 2 share 32 bytes, of 1 and 3 the next; the upper two bits of all four share 32 more.
    private static void Pack(ReadOnlySpan<sbyte> numbers, Span<byte> destination)
    {
        for (int half = 0; half < 2; half++)
        {
            ReadOnlySpan<sbyte> q = numbers[(half * 128)..];
            for (int i = 0; i < 32; i++)
            {
                int a = q[i] - Least, b = q[i + 32] - Least, c = q[i + 64] - Least, d = q[i + 96] - Least;
                destination[half * 64 + i] = (byte)(a & 15 | c << 4);
                destination[half * 64 + 32 + i] = (byte)(b & 15 | d << 4);
                destination[128 + half * 32 + i] = (byte)(a >> 4 | b >> 4 << 2 | c >> 4 << 4 | d >> 4 << 6);
            }
        }
    }

    /// <summary>Sixteen values in registers.</summary>
    private readonly struct Part(ReadOnlySpan<float> x)
    {
        private readonly Vector256<float> _a = Vector256.Create(x[..8]), _b = Vector256.Create(x.Slice(8, 8));

        public float Fit()
        {
            float extreme = 0;
            for (int i = 0; i < 8; i++)
            {
                extreme = Math.Abs(_a[i]) > Math.Abs(extreme) ? _a[i] : extreme;
                extreme = Math.Abs(_b[i]) > Math.Abs(extreme) ? _b[i] : extreme;
            }

            // Among the smallest numbers of float32 there is nothing to fit: their quotients overflow.
            if (Math.Abs(extreme) < 1e-30f) { return 0; }
            float best = extreme / Least;
            double bestGain = 0;
            for (float number = FirstExtreme; number <= LastExtreme; number += NextExtreme)
            {
                (float scale, double gain) = LeastSquares(-extreme / number);
                if (gain > bestGain) { (best, bestGain) = (scale, gain); }
            }

            return best;
        }

        /// <summary>Of the three int8 around the fitted scale the one whose values lie nearest.</summary>
        public sbyte Round(float d, float fitted)
        {
            if (d == 0) { return 0; }
            int near = (int)MathF.Round(fitted / d), best = 0;
            float bestError = float.MaxValue;
            for (int i = Math.Max(-128, near - 1); i <= Math.Min(127, near + 1); i++)
            {
                float error = Error(d * i);
                if (error < bestError) { (best, bestError) = (i, error); }
            }

            return (sbyte)best;
        }

        public void Write(float scale, Span<sbyte> numbers)
        {
            Vector256<short> words = Vector256.Narrow(Vector256.ConvertToInt32(Number(_a, scale)), Vector256.ConvertToInt32(Number(_b, scale)));
            Vector128.Narrow(words.GetLower(), words.GetUpper()).CopyTo(numbers);
        }

        // With s = sum(xq) / sum(qq) the squared error is sum(xx) - sum(xq)^2 / sum(qq): the last term is the gain.
        private (float Scale, double Gain) LeastSquares(float scale)
        {
            Vector256<float> a = Number(_a, scale), b = Number(_b, scale);
            double qq = Vector256.Sum(a * a + b * b), xq = Vector256.Sum(a * _a + b * _b);
            return qq > 0 ? ((float)(xq / qq), xq * xq / qq) : (scale, 0);
        }

        private float Error(float scale)
        {
            Vector256<float> a = Number(_a, scale) * scale - _a, b = Number(_b, scale) * scale - _b;
            return Vector256.Sum(a * a + b * b);
        }

        private static Vector256<float> Number(Vector256<float> x, float scale)
        {
            float inverse = scale != 0 ? 1 / scale : 0;
            return Vector256.Min(Vector256.Max(Vector256.Round(x * inverse), Vector256.Create((float)Least)), Vector256.Create((float)Most));
        }
    }
}
