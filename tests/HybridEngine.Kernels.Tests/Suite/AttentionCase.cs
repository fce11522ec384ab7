using HybridEngine.Core;
using HybridEngine.Testing;

namespace HybridEngine.Kernels.Tests;

/// <summary>Random queries, keys and values of packed sequences.</summary>
internal sealed record AttentionCase(int[] Lengths, int QueryHeads, int KeyHeads, int HeadSize, float[] Q, float[] K, float[] V, float[] Dy, float[] Slopes)
{
    public AttentionCase(TestRandom random, int[] lengths, int queryHeads, int keyHeads, int headSize)
        : this(lengths, queryHeads, keyHeads, headSize, random.Normal(lengths.Sum() * queryHeads * headSize), random.Normal(lengths.Sum() * keyHeads * headSize),
            random.Normal(lengths.Sum() * keyHeads * headSize), random.Normal(lengths.Sum() * queryHeads * headSize), random.Uniform(queryHeads, 0.01, 0.5)) { }

    public int Tokens => Lengths.Sum();

    public int[] Offsets => Sums(Lengths);

    public int QueryWidth => QueryHeads * HeadSize;

    public int KeyWidth => KeyHeads * HeadSize;

    /// <summary>0 and the running sums.</summary>
    public static int[] Sums(int[] lengths)
    {
        int[] offsets = new int[lengths.Length + 1];
        for (int i = 0; i < lengths.Length; i++) { offsets[i + 1] = offsets[i] + lengths[i]; }
        return offsets;
    }

    /// <summary>Sequence s alone.</summary>
    public AttentionCase Sequence(int s)
    {
        (int from, int to) = (Offsets[s], Offsets[s + 1]);
        return this with
        {
            Lengths = [Lengths[s]], Q = Q[(from * QueryWidth)..(to * QueryWidth)], K = K[(from * KeyWidth)..(to * KeyWidth)], V = V[(from * KeyWidth)..(to * KeyWidth)],
            Dy = Dy[(from * QueryWidth)..(to * QueryWidth)],
        };
    }

    /// <summary>The mask forms that a name stands for: causal, full, window5, window64, cap, alibi, all.</summary>
    public AttentionOptions Options(IKernels k, string form)
    {
        AttentionOptions options = new(QueryHeads, KeyHeads, HeadSize, (float)(1 / Math.Sqrt(HeadSize)));
        Tensor slopes = form is "alibi" or "all" ? k.Floats(Slopes) : default;
        return form switch
        {
            "causal" => options,
            "full" => options with { Causal = false },
            "window5" => options with { Window = 5 },
            "window64" => options with { Window = 64 },
            "fullwindow" => options with { Causal = false, Window = 20 },
            "cap" => options with { SoftCap = 2 },
            "alibi" => options with { AlibiSlopes = slopes },
            "all" => options with { SoftCap = 3, AlibiSlopes = slopes, Window = 70 },
            _ => throw new ArgumentOutOfRangeException(nameof(form), form, "unknown form"),
        };
    }
}
