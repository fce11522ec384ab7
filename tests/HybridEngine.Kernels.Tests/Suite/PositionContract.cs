using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>IPositionKernels.</summary>
public abstract class PositionContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    [SkippableTheory]
    [InlineData(0, 2, 8, 8), InlineData(1, 1, 2, 2), InlineData(5, 3, 64, 64), InlineData(7, 2, 80, 20), InlineData(9, 1, 33, 32), InlineData(4, 9, 128, 34), InlineData(2, 2, 6, 0)]
    public void Rotary_EveryLayout_TurnsPairsByTheTable(int tokens, int heads, int headSize, int rotary)
    {
        const int Positions = 40;
        float[] x = Random.Normal(tokens * heads * headSize), table = Table(Positions, rotary);
        int[] positions = Random.Integers(tokens, 0, Positions);
        foreach (RotaryLayout layout in Enum.GetValues<RotaryLayout>())
        {
            foreach (bool inverse in new[] { false, true })
            {
                Tensor y = Place(Kernels, x, tokens, heads, headSize);
                Kernels.Rotary(y, Kernels.Ints(positions), Kernels.Floats(table, Positions, rotary), layout, inverse);
                float[] expected = Expected(x, positions, table, heads, headSize, rotary, layout, inverse), actual = Kernels.Read(y);
                Compare.Close(expected, actual, 1e-6, 1e-6, $"{layout}, inverse {inverse}, {Random}");
                for (int i = 0; i < x.Length; i++)
                {
                    if (i % headSize >= rotary) { Assert.Equal(x[i], actual[i]); }
                }
            }
        }
    }

    [SkippableFact]
    public void Rotary_QuarterTurn_SwapsThePair()
    {
        foreach ((RotaryLayout layout, float[] expected) in new[] { (RotaryLayout.Halves, new float[] { -3, -4, 1, 2, 9 }), (RotaryLayout.Interleaved, [-2, 1, -4, 3, 9]) })
        {
            Tensor x = Place(Kernels, [1, 2, 3, 4, 9], 1, 1, 5);
            Kernels.Rotary(x, Kernels.Ints([1]), Kernels.Floats([1, 1, 0, 0, 0, 0, 1, 1], 2, 4), layout);
            Assert.Equal(expected, Kernels.Read(x));
        }
    }

    [SkippableFact]
    public void Rotary_ThenInverse_GivesBackTheInput()
    {
        float[] x = Random.Normal(6 * 4 * 48);
        foreach (RotaryLayout layout in Enum.GetValues<RotaryLayout>())
        {
            Tensor y = Place(Kernels, x, 6, 4, 48), positions = Kernels.Ints([0, 1, 2, 3, 39, 5]), table = Kernels.Floats(Table(40, 48), 40, 48);
            Kernels.Rotary(y, positions, table, layout);
            Kernels.Rotary(y, positions, table, layout, inverse: true);
            Compare.Close(x, Kernels.Read(y), 2e-6, 1e-6, $"{layout}, {Random}");
        }
    }

    [SkippableFact]
    public void Rotary_TokenAloneOrInBatch_SameBits()
    {
        const int Tokens = 21, Heads = 3, Size = 36;
        float[] x = Random.Normal(Tokens * Heads * Size), table = Table(50, 20);
        int[] positions = Random.Integers(Tokens, 0, 50);
        float[] Run(int start, int count)
        {
            Tensor y = Place(Kernels, x.AsSpan(start * Heads * Size, count * Heads * Size), count, Heads, Size);
            Kernels.Rotary(y, Kernels.Ints(positions.AsSpan(start, count)), Kernels.Floats(table, 50, 20), RotaryLayout.Halves);
            return Kernels.Read(y);
        }

        float[] whole = Run(0, Tokens);
        for (int t = 0; t < Tokens; t++) { Compare.SameBits(whole.AsSpan(t * Heads * Size, Heads * Size), Run(t, 1), $"token {t}, {Random}"); }
    }

    [SkippableFact]
    public void Rotary_WrongArgument_IsRefusedByName()
    {
        Tensor x = Kernels.Allocate(DType.Float32, 2, 1, 4), positions = Kernels.Ints([0, 7]), table = Kernels.Allocate(DType.Float32, 8, 4);
        Refuses("x", () => Kernels.Rotary(Kernels.Allocate(DType.Float32, 2, 4), positions, table, RotaryLayout.Halves));
        Refuses("positions", () => Kernels.Rotary(x, Kernels.Ints([0]), table, RotaryLayout.Halves));
        Refuses("positions[1]", () => Kernels.Rotary(x, Kernels.Ints([0, 8]), table, RotaryLayout.Halves));
        Refuses("table", () => Kernels.Rotary(x, positions, Kernels.Allocate(DType.Float32, 8, 6), RotaryLayout.Halves));
        Refuses("table", () => Kernels.Rotary(x, positions, Kernels.Allocate(DType.Float32, 8, 3), RotaryLayout.Halves));
    }

    private static float[] Table(int positions, int rotary)
    {
        float[] table = new float[positions * rotary];
        for (int i = 0; i < table.Length; i++)
        {
            (int p, int pair) = (i / rotary, i % rotary % (rotary / 2));
            double angle = p * Math.Pow(100, -2.0 * pair / rotary);
            table[i] = (float)(i % rotary < rotary / 2 ? Math.Cos(angle) : Math.Sin(angle));
        }

        return table;
    }

    // As complex numbers: (first + i second) * (cos + i sin), conjugated for the inverse.
    private static float[] Expected(float[] x, int[] positions, float[] table, int heads, int headSize, int rotary, RotaryLayout layout, bool inverse)
    {
        float[] y = [.. x];
        for (int row = 0; row < positions.Length * heads; row++)
        {
            for (int pair = 0; pair < rotary / 2; pair++)
            {
                int angle = positions[row / heads] * rotary + pair, step = layout == RotaryLayout.Halves ? rotary / 2 : 1;
                int first = row * headSize + (layout == RotaryLayout.Halves ? pair : 2 * pair);
                System.Numerics.Complex turn = new(table[angle], table[angle + rotary / 2]), value = new(x[first], x[first + step]);
                value *= inverse ? System.Numerics.Complex.Conjugate(turn) : turn;
                (y[first], y[first + step]) = ((float)value.Real, (float)value.Imaginary);
            }
        }

        return y;
    }
}
