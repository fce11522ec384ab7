using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

/// <summary>Attention of one query row and head, wherever its keys lie: position p's key is row <c>keyRows[p]</c>. Packed and paged attention are both this.</summary>
internal readonly struct AttentionRows(Tensor q, Tensor k, Tensor v, Tensor y, AttentionOptions options)
{
    private readonly FloatRows _q = new(q), _k = new(k), _v = new(v), _y = new(y);

    public AttentionOptions Options { get; } = options;

    public ReadOnlySpan<float> Query(long row, int head) => Head(_q, row, head);

    public ReadOnlySpan<float> Key(long row, int queryHead) => Head(_k, row, KeyHead(queryHead));

    public ReadOnlySpan<float> Value(long row, int queryHead) => Head(_v, row, KeyHead(queryHead));

    public Span<float> Output(long row, int head) => Head(_y, row, head);

    /// <summary>Writes y and returns the log of the soft-max's denominator.</summary>
    public float Forward(long row, int head, int position, ReadOnlySpan<int> keyRows)
    {
        (int first, int end) = Visible(position, keyRows.Length);
        using Sums scores = Rent(end - first), sum = Rent(Options.HeadSize);
        double max = double.NegativeInfinity, total = 0;
        for (int j = first; j < end; j++)
        {
            double score = Score(row, head, position, j, keyRows[j]).Score;
            scores.Span[j - first] = score;
            max = Math.Max(max, score);
        }

        for (int j = first; j < end; j++)
        {
            double weight = Math.Exp(scores.Span[j - first] - max);
            total += weight;
            AddScaled(sum.Span, weight, Value(keyRows[j], head));
        }

        Span<float> output = Output(row, head);
        for (int i = 0; i < output.Length; i++) { output[i] = (float)(sum.Span[i] / total); }
        return (float)(max + Math.Log(total));
    }

    /// <summary>The keys that a query sees: positions [first, end).</summary>
    public (int First, int End) Visible(int position, int length)
    {
        int first = Options.Window > 0 ? Math.Max(0, position - Options.Window + 1) : 0;
        return (first, Options.Causal ? position + 1 : length);
    }

    /// <summary>A masked-in score, and its derivative with respect to q . k.</summary>
    public (double Score, double Slope) Score(long row, int head, int position, int keyPosition, long keyRow)
    {
        double score = Dot(Query(row, head), Key(keyRow, head)) * Options.Scale, slope = Options.Scale;
        if (Options.SoftCap > 0)
        {
            double t = Math.Tanh(score / Options.SoftCap);
            (score, slope) = (Options.SoftCap * t, slope * (1 - t * t));
        }

        if (!Options.AlibiSlopes.IsEmpty) { score += (double)Floats(Options.AlibiSlopes)[head] * (keyPosition - position); }
        return (score, slope);
    }

    private int KeyHead(int queryHead) => queryHead / (Options.QueryHeads / Options.KeyHeads);

    private Span<float> Head(FloatRows rows, long row, int head) => rows.Part(row, head * Options.HeadSize, Options.HeadSize);
}
