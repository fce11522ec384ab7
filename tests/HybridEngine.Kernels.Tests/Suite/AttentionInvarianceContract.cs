using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>IAttentionKernels: a query's bits do not depend on packing, paging, chunking, neighbours or threads.</summary>
public abstract class AttentionInvarianceContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    public static TheoryData<string, int> Forms
    {
        get
        {
            TheoryData<string, int> data = [];
            foreach (string form in new[] { "causal", "window5", "window64", "cap", "all" }) { data.Add(form, form == "causal" ? 16 : 48); }
            return data;
        }
    }

    [SkippableTheory, MemberData(nameof(Forms))]
    public void Attention_AloneOrPacked_SameBits(string form, int blockSize)
    {
        _ = blockSize;
        AttentionCase c = new(Random, [5, 130, 1, 64, 67], 4, 2, 20);
        float[][] packed = Gradients(Kernels, c, form);
        for (int s = 0; s < c.Lengths.Length; s++)
        {
            float[][] alone = Gradients(Kernels, c.Sequence(s), form);
            for (int i = 0; i < packed.Length; i++)
            {
                int width = packed[i].Length / c.Tokens;
                Compare.SameBits(packed[i].AsSpan(c.Offsets[s] * width, c.Lengths[s] * width), alone[i], $"output {i}, sequence {s}, {form}, {Random}");
            }
        }
    }

    [SkippableTheory, MemberData(nameof(Forms))]
    public void PagedAttention_AnyChunks_SameBitsAsPacked(string form, int blockSize)
    {
        AttentionCase c = new(Random, [5, 130, 1, 64, 67], 4, 2, 20);
        float[] packed = Gradients(Kernels, c, form)[0];
        // Whole prompts, one token at a time, uneven pieces.
        foreach (Func<int, int> chunk in new Func<int, int>[] { _ => 1000, _ => 1, _ => Random.Integer(1, 40) }) { Compare.SameBits(packed, RunPaged(Kernels, c, form, blockSize, chunk), $"{form}, {Random}"); }
    }

    [SkippableFact]
    public void Attention_AnyNumberOfThreads_SameBits()
    {
        AttentionCase c = new(Random, [130, 1, 64, 67, 200], 6, 3, 40);
        float[][] expected = Gradients(Open(1), c, "causal");
        foreach (int threads in new[] { 2, 3 })
        {
            IKernels k = Open(threads);
            float[][] actual = Gradients(k, c, "causal");
            for (int i = 0; i < expected.Length; i++) { Compare.SameBits(expected[i], actual[i], $"output {i}, {threads} threads, {Random}"); }
            Compare.SameBits(expected[0], RunPaged(k, c, "causal", 32, _ => 50), $"paged, {threads} threads, {Random}");
        }
    }

    [SkippableFact]
    public void PagedAttention_FullMask_SeesEveryKeyOfTheContext()
    {
        AttentionCase c = new(Random, [70], 2, 1, 12);
        Compare.SameBits(Gradients(Kernels, c, "full")[0], RunPaged(Kernels, c, "full", 16, _ => 1000), Random.ToString());
    }

    [SkippableFact]
    public void WriteKv_NegativeSlot_IsSkipped()
    {
        AttentionCase c = new(Random, [3], 1, 1, 8);
        using KvLayer cache = Kernels.CreateKv(1, 16, 1, 8);
        Tensor k = Place(Kernels, c.K, 3, 1, 8), v = Place(Kernels, c.V, 3, 1, 8), q = Place(Kernels, c.Q, 3, 1, 8);
        Kernels.WriteKv(k, v, Kernels.Ints([0, 1, 2]), cache);
        Tensor before = Space(Kernels, 3, 1, 8), after = Space(Kernels, 3, 1, 8);
        void Attend(Tensor y) => Kernels.PagedAttention(q, cache, Kernels.Ints([0, 3]), Kernels.Ints([3]), Kernels.Ints([0], 1, 1), c.Options(Kernels, "causal"), y);
        Attend(before);
        Kernels.WriteKv(v, k, Kernels.Ints([-1, int.MinValue, -7]), cache);
        Attend(after);
        Compare.SameBits(Kernels.Read(before), Kernels.Read(after), Random);
    }

    [SkippableFact]
    public void CopyKvBlocks_ThenAttend_SameBits()
    {
        AttentionCase c = new(Random, [40], 2, 1, 8);
        using KvLayer cache = Kernels.CreateKv(8, 16, 1, 8);
        Kernels.WriteKv(Place(Kernels, c.K, 40, 1, 8), Place(Kernels, c.V, 40, 1, 8), Kernels.Ints([.. Enumerable.Range(0, 40).Select(p => p + 16)]), cache);
        float[] Attend(int[] table)
        {
            Tensor y = Space(Kernels, 40, 2, 8);
            Kernels.PagedAttention(Place(Kernels, c.Q, 40, 2, 8), cache, Kernels.Ints([0, 40]), Kernels.Ints([40]), Kernels.Ints(table, 1, 3), c.Options(Kernels, "causal"), y);
            return Kernels.Read(y);
        }

        float[] expected = Attend([1, 2, 3]);
        Kernels.CopyKvBlocks(cache, Kernels.Ints([1, 2, 3]), Kernels.Ints([6, 0, 7]));
        Compare.SameBits(expected, Attend([6, 0, 7]), Random);
        Compare.SameBits(expected, Attend([1, 0, 3]), Random);
    }

    [SkippableTheory, InlineData("causal"), InlineData("window5"), InlineData("all")]
    public void PagedAttention_Bf16Cache_SameBitsAsPackedThroughBf16(string form)
    {
        AttentionCase c = new(Random, [5, 130, 1, 300], 4, 2, 20);
        float[] packed = Gradients(Kernels, c, form, DType.BFloat16)[0];
        foreach (Func<int, int> chunk in new Func<int, int>[] { _ => 1000, _ => Random.Integer(1, 40) })
        {
            Compare.SameBits(packed, RunPaged(Kernels, c, form, 32, chunk, DType.BFloat16), $"{form}, {Random}");
        }

        float[][] expected = Gradients(Oracle, c, form, DType.BFloat16), actual = Gradients(Kernels, c, form, DType.BFloat16);
        for (int i = 0; i < expected.Length; i++) { Compare.CloseToLargest(expected[i], actual[i], 2e-5, $"output {i}, {form}, {Random}"); }
    }

    [SkippableTheory, InlineData(DType.BFloat16), InlineData(DType.UInt8)]
    public void PagedAttention_NarrowCache_AgreesWithReference(DType type)
    {
        AttentionCase c = new(Random, [5, 130, 1, 70], 4, 2, 20);
        float[] expected = RunPaged(Oracle, c, "causal", 32, _ => 1000, type), wide = RunPaged(Oracle, c, "causal", 32, _ => 1000);
        Compare.CloseToLargest(expected, RunPaged(Kernels, c, "causal", 16, _ => 33, type), 2e-6, Random);
        Assert.NotEqual(wide, expected);
    }

    // y, logSumExp, dq, dk, dv
    private float[][] Gradients(IKernels k, AttentionCase c, string form, DType keysAndValues = DType.Float32)
    {
        AttentionOptions options = c.Options(k, form) with { KeyValueType = keysAndValues };
        Tensor q = Place(k, c.Q, c.Tokens, c.QueryHeads, c.HeadSize), keys = Place(k, c.K, c.Tokens, c.KeyHeads, c.HeadSize), values = Place(k, c.V, c.Tokens, c.KeyHeads, c.HeadSize);
        Tensor y = Space(k, c.Tokens, c.QueryHeads, c.HeadSize), lse = Space(k, c.Tokens, c.QueryHeads), offsets = k.Ints(c.Offsets);
        Tensor dq = Space(k, c.Tokens, c.QueryHeads, c.HeadSize), dk = Space(k, c.Tokens, c.KeyHeads, c.HeadSize), dv = Space(k, c.Tokens, c.KeyHeads, c.HeadSize);
        k.Attention(q, keys, values, offsets, options, y, lse);
        k.AttentionBackward(q, keys, values, y, lse, Place(k, c.Dy, c.Tokens, c.QueryHeads, c.HeadSize), offsets, options, dq, dk, dv);
        return [k.Read(y), k.Read(lse), k.Read(dq), k.Read(dk), k.Read(dv)];
    }

    // All sequences together through a cache of shuffled blocks full of NaN, in steps of a few tokens each; y in packed order.
    private float[] RunPaged(IKernels k, AttentionCase c, string form, int blockSize, Func<int, int> chunk, DType type = DType.Float32)
    {
        int n = c.Lengths.Length, maxBlocks = (c.Lengths.Max() + blockSize - 1) / blockSize, blocks = n * maxBlocks;
        using KvLayer cache = k.CreateKv(blocks, blockSize, c.KeyHeads, c.HeadSize, type);
        float[] nan = new float[blocks * blockSize * c.KeyWidth];
        Array.Fill(nan, float.NaN);
        Tensor poison = k.Floats(nan, blocks * blockSize, c.KeyHeads, c.HeadSize);
        k.WriteKv(poison, poison, k.Ints([.. Enumerable.Range(0, blocks * blockSize)]), cache);
        int[] table = Random.Permutation(blocks), done = new int[n];
        float[] result = new float[c.Tokens * c.QueryWidth];
        while (done.Sum() < c.Tokens)
        {
            int[] take = [.. c.Lengths.Select((length, s) => Math.Min(chunk(s), length - done[s]))];
            int[] rows = [.. Enumerable.Range(0, n).SelectMany(s => Enumerable.Range(c.Offsets[s] + done[s], take[s]))];
            int[] slots = [.. Enumerable.Range(0, n).SelectMany(s => Enumerable.Range(done[s], take[s]).Select(p => table[s * maxBlocks + p / blockSize] * blockSize + p % blockSize))];
            Tensor Pick(float[] values, int heads) => Place(k, [.. rows.SelectMany(r => values.AsSpan(r * heads * c.HeadSize, heads * c.HeadSize).ToArray())], rows.Length, heads, c.HeadSize);
            k.WriteKv(Pick(c.K, c.KeyHeads), Pick(c.V, c.KeyHeads), k.Ints(slots), cache);
            for (int s = 0; s < n; s++) { done[s] += take[s]; }
            Tensor y = Space(k, rows.Length, c.QueryHeads, c.HeadSize);
            k.PagedAttention(Pick(c.Q, c.QueryHeads), cache, k.Ints(AttentionCase.Sums(take)), k.Ints(done), k.Ints(table, n, maxBlocks), c.Options(k, form), y);
            float[] part = k.Read(y);
            for (int i = 0; i < rows.Length; i++) { part.AsSpan(i * c.QueryWidth, c.QueryWidth).CopyTo(result.AsSpan(rows[i] * c.QueryWidth)); }
        }

        return result;
    }
}
