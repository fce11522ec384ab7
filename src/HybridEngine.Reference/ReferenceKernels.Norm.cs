using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public void Norm(Tensor x, Tensor residual, Tensor weight, Tensor bias, NormOptions options, Tensor sum, Tensor y, Tensor statistics)
    {
        Contract.Norm(Device, x, residual, weight, bias, options, sum, y, statistics);
        FloatRows xs = new(x), ys = new(y);
        for (long r = 0; r < xs.Count; r++)
        {
            Span<float> input = xs[r];
            if (!residual.IsEmpty)
            {
                Span<float> added = new FloatRows(residual)[r], stored = new FloatRows(sum)[r];
                for (int i = 0; i < stored.Length; i++) { stored[i] = input[i] + added[i]; }
                input = stored;
            }

            (double mean, double scale) = Moments(input, options);
            ReadOnlySpan<float> w = Floats(weight), b = Floats(bias);
            Span<float> output = ys[r];
            for (int i = 0; i < output.Length; i++)
            {
                double value = (input[i] - mean) * scale * ((double)w[i] + options.WeightOffset);
                output[i] = (float)(b.IsEmpty ? value : value + b[i]);
            }

            if (!statistics.IsEmpty)
            {
                Span<float> kept = new FloatRows(statistics)[r];
                (kept[0], kept[1]) = ((float)mean, (float)scale);
            }
        }
    }

    /// <inheritdoc />
    public void NormBackward(Tensor dy, Tensor sum, Tensor weight, Tensor statistics, NormOptions options, Tensor dSum, Tensor dWeight, Tensor dBias, bool accumulate = false)
    {
        Contract.NormBackward(Device, dy, sum, weight, statistics, options, dSum, dWeight, dBias);
        // dSum may be dy itself, so the sums over rows come first.
        AddNormWeightGradients(dy, sum, statistics, dWeight, dBias);
        FloatRows dys = new(dy), sums = new(sum), stats = new(statistics), dSums = new(dSum);
        int n = dys.Width;
        for (long r = 0; r < dys.Count; r++)
        {
            ReadOnlySpan<float> w = Floats(weight), d = dys[r], s = sums[r];
            (double mean, double scale) = (stats[r][0], stats[r][1]);

            // With h = (s - mean) * scale and g = dy * w:  ds = scale * (g - mean(g) - h * mean(g h)); RMS has no mean(g).
            double meanG = 0, meanGh = 0;
            for (int i = 0; i < n; i++)
            {
                double g = d[i] * ((double)w[i] + options.WeightOffset);
                meanG += g / n;
                meanGh += g * (s[i] - mean) * scale / n;
            }

            if (options.Kind == NormKind.Rms) { meanG = 0; }
            Span<float> output = dSums[r];
            for (int i = 0; i < n; i++)
            {
                double g = d[i] * ((double)w[i] + options.WeightOffset);
                double value = scale * (g - meanG - (s[i] - mean) * scale * meanGh);
                output[i] = (float)(accumulate ? value + output[i] : value);
            }
        }
    }

    // Mean (0 for RMS) and the reciprocal of the root.
    private static (double Mean, double Scale) Moments(ReadOnlySpan<float> row, NormOptions options)
    {
        double mean = 0, squares = 0;
        if (options.Kind == NormKind.Layer)
        {
            foreach (float value in row) { mean += value; }
            mean /= row.Length;
        }

        foreach (float value in row) { squares += (value - mean) * (value - mean); }
        return (mean, 1 / Math.Sqrt(squares / row.Length + options.Epsilon));
    }

    private static void AddNormWeightGradients(Tensor dy, Tensor sum, Tensor statistics, Tensor dWeight, Tensor dBias)
    {
        FloatRows dys = new(dy), sums = new(sum), stats = new(statistics);
        Span<float> dw = Floats(dWeight), db = Floats(dBias);
        using Sums weightSums = Rent(dys.Width), biasSums = Rent(dys.Width);
        for (long r = 0; r < dys.Count; r++)
        {
            ReadOnlySpan<float> d = dys[r], s = sums[r], stat = stats[r];
            for (int i = 0; i < d.Length; i++)
            {
                weightSums.Span[i] += (double)d[i] * ((double)s[i] - stat[0]) * stat[1];
                biasSums.Span[i] += d[i];
            }
        }

        if (dys.Count == 0) { return; }
        if (!dw.IsEmpty) { Store(weightSums.Span, dw, accumulate: true); }
        if (!db.IsEmpty) { Store(biasSums.Span, db, accumulate: true); }
    }
}
