namespace HybridEngine.Inference;

/// <summary>Hidden states of one sequence to one vector. Sums run in float64 over the tokens in order: the same bits in any batch.</summary>
internal static class EmbeddingPool
{
    /// <param name="hidden">[tokens, width] of one sequence.</param>
    /// <param name="width">Columns.</param>
    /// <param name="pooling">Mean or last.</param>
    /// <param name="normalize">Divide by the Euclidean length; a vector of zeros stays.</param>
    public static float[] Pool(ReadOnlySpan<float> hidden, int width, EmbeddingPooling pooling, bool normalize)
    {
        int tokens = hidden.Length / width, first = pooling == EmbeddingPooling.Last ? tokens - 1 : 0;
        double[] sum = new double[width];
        for (int t = first; t < tokens; t++)
        {
            ReadOnlySpan<float> row = hidden.Slice(t * width, width);
            for (int i = 0; i < width; i++) { sum[i] += row[i]; }
        }

        double squares = 0, count = tokens - first;
        for (int i = 0; i < width; i++)
        {
            sum[i] /= count;
            squares += sum[i] * sum[i];
        }

        double divisor = normalize && squares > 0 ? Math.Sqrt(squares) : 1;
        float[] result = new float[width];
        for (int i = 0; i < width; i++) { result[i] = (float)(sum[i] / divisor); }
        return result;
    }
}
