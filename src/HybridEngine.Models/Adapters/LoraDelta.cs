namespace HybridEngine.Models;

/// <summary>The low-rank change of one parameter of a decoder, row-major on the host: <c>W' = W + Scale * Up Down</c>, normalised by row where there is a magnitude.</summary>
/// <param name="Target">Which parameter.</param>
/// <param name="Module">Module of the base that it belongs to; parts of one fused module have the same <paramref name="Down"/>.</param>
/// <param name="Rank">Rows of Down, columns of Up.</param>
/// <param name="Scale">alpha / rank, or alpha / sqrt(rank).</param>
/// <param name="Down">A: [rank, columns of the target]; of a token table its transpose, [vocabulary, rank].</param>
/// <param name="Up">B: [rows of the target, rank]; of a token table [width, rank].</param>
/// <param name="Bias">[rows], added to Up's product before the scale; or null.</param>
/// <param name="Magnitude">[rows]: length of each row of W' (DoRA); or null.</param>
public sealed record LoraDelta(ParameterBinding Target, string Module, int Rank, float Scale, float[] Down, float[] Up, float[]? Bias = null, float[]? Magnitude = null)
{
    /// <summary>W' of the target, in place and in float64 sums, each element rounded once.</summary>
    /// <param name="weight">[rows, columns] of the base; of a token table [vocabulary, width].</param>
    public void MergeInto(Span<float> weight)
    {
        double[] row = new double[Target.Columns];
        for (int r = 0; r < Target.Rows; r++)
        {
            Span<float> target = weight.Slice(r * Target.Columns, Target.Columns);
            AddRow(r, target, row);
            double factor = 1;
            if (Magnitude is not null)
            {
                double squares = 0;
                foreach (double v in row) { squares += v * v; }
                factor = Magnitude[r] / Math.Sqrt(squares);
            }

            for (int c = 0; c < row.Length; c++) { target[c] = (float)(factor * row[c]); }
        }
    }

    /// <summary>What a weight-decomposed target's outputs are multiplied with: magnitude over the length of the row of W + Scale * Up Down.</summary>
    /// <param name="weight">[rows, columns] of the base.</param>
    public float[] RowFactors(ReadOnlySpan<float> weight)
    {
        float[] magnitude = Magnitude ?? throw new InvalidOperationException($"{Module} has no magnitude.");
        float[] factors = new float[Target.Rows];
        double[] row = new double[Target.Columns];
        for (int r = 0; r < factors.Length; r++)
        {
            AddRow(r, weight.Slice(r * Target.Columns, Target.Columns), row);
            double squares = 0;
            foreach (double v in row) { squares += v * v; }
            factors[r] = (float)(magnitude[r] / Math.Sqrt(squares));
        }

        return factors;
    }

    // row = W[r] + Scale * Up[r] Down.
    private void AddRow(int r, ReadOnlySpan<float> weight, double[] row)
    {
        bool table = Target.Role == ParameterRole.Embedding;
        row.AsSpan().Clear();
        if (table)
        {
            for (int c = 0; c < row.Length; c++)
            {
                for (int k = 0; k < Rank; k++) { row[c] += (double)Down[r * Rank + k] * Up[c * Rank + k]; }
            }
        }
        else
        {
            for (int k = 0; k < Rank; k++)
            {
                double up = Up[r * Rank + k];
                ReadOnlySpan<float> down = Down.AsSpan(k * row.Length, row.Length);
                for (int c = 0; c < row.Length; c++) { row[c] += up * down[c]; }
            }
        }

        for (int c = 0; c < row.Length; c++) { row[c] = weight[c] + Scale * row[c]; }
    }
}
