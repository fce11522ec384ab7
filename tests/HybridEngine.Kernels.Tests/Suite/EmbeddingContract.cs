using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>IEmbeddingKernels.</summary>
public abstract class EmbeddingContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    [SkippableTheory, InlineData(0, 9, 5), InlineData(1, 1, 1), InlineData(7, 33, 17), InlineData(40, 130, 257)]
    public void Embed_FreshInputs_PicksScaledRows(int tokens, int vocabulary, int width)
    {
        float[] table = Random.Normal(vocabulary * width), old = Random.Normal(tokens * width);
        int offset = Math.Min(2, vocabulary - 1);
        int[] ids = Random.Integers(tokens, -offset, vocabulary - offset);
        foreach ((float scale, bool accumulate) in new[] { (1f, false), (1f, true), (2.5f, false), (2.5f, true) })
        {
            Tensor y = accumulate ? Place(Kernels, old, tokens, width) : Space(Kernels, tokens, width);
            Kernels.Embed(Kernels.Ints(ids), Kernels.Weight(table, vocabulary, width), y, scale, offset, accumulate);
            float[] expected = new float[tokens * width];
            for (int i = 0; i < expected.Length; i++)
            {
                expected[i] = (float)((double)scale * table[(ids[i / width] + offset) * width + i % width] + (accumulate ? old[i] : 0));
            }

            // Two roundings, of the product and of the sum.
            double bound = scale == 1 ? 0 : 4e-7;
            Compare.Close(expected, Kernels.Read(y), bound * 10, bound, $"scale {scale}, accumulate {accumulate}, {Random}");
        }
    }

    [SkippableFact]
    public void Embed_IdOutsideTheTable_StaysInTheTable()
    {
        Tensor y = Space(Kernels, 3, 2);
        Kernels.Embed(Kernels.Ints([-5, 99, int.MaxValue]), Kernels.Weight([1, 2, 3, 4, 5, 6], 3, 2), y, offset: 1);
        Assert.Equal([1, 2, 5, 6, 5, 6], Kernels.Read(y));
    }

    [SkippableTheory, InlineData(0, 9, 5), InlineData(3, 2, 16), InlineData(50, 7, 33), InlineData(40, 130, 257)]
    public void EmbedBackward_RepeatedIds_AddsEveryToken(int tokens, int vocabulary, int width)
    {
        float[] dy = Random.Normal(tokens * width), old = Random.Normal(vocabulary * width);
        int[] ids = Random.Integers(tokens, 0, vocabulary);
        float[] Run(IKernels k)
        {
            WeightMatrix dTable = k.Weight(old, vocabulary, width);
            k.EmbedBackward(k.Ints(ids), Place(k, dy, tokens, width), dTable, 0.5f);
            return k.ReadWeight(dTable);
        }

        Compare.CloseToLargest(Run(Oracle), Run(Kernels), 2e-6, Random);
    }

    [SkippableFact]
    public void EmbedBackward_HandMade_IsExact()
    {
        WeightMatrix dTable = Kernels.Weight([100, 200, 300, 400, 500, 600], 3, 2);
        Kernels.EmbedBackward(Kernels.Ints([1, 0, 1]), Place(Kernels, [1, 2, 3, 4, 5, 6], 3, 2), dTable, scale: 2, offset: 1);
        Assert.Equal([100, 200, 306, 408, 512, 616], Kernels.ReadWeight(dTable));
    }

    [SkippableTheory, InlineData(5, 0, 3), InlineData(9, 4, 1), InlineData(31, 40, 65)]
    public void GatherThenScatter_AnyRows_MovesAndAdds(int rows, int picked, int width)
    {
        float[] x = Random.Normal(rows * width), old = Random.Normal(rows * width);
        int[] indices = Random.Integers(picked, 0, rows);
        Tensor gathered = Space(Kernels, picked, width), sum = Place(Kernels, old, rows, width);
        Kernels.GatherRows(Place(Kernels, x, rows, width), Kernels.Ints(indices), gathered);
        Kernels.ScatterAddRows(gathered, Kernels.Ints(indices), sum);
        float[] expectedGather = new float[picked * width], expectedSum = [.. old];
        for (int i = 0; i < picked; i++)
        {
            for (int c = 0; c < width; c++)
            {
                expectedGather[i * width + c] = x[indices[i] * width + c];
                expectedSum[indices[i] * width + c] += x[indices[i] * width + c];
            }
        }

        Compare.SameBits(expectedGather, Kernels.Read(gathered), Random);
        Compare.SameBits(expectedSum, Kernels.Read(sum), Random);
    }

    [SkippableFact]
    public void EveryCall_WrongArgument_IsRefusedByName()
    {
        WeightMatrix table = Kernels.CreateWeight(4, 6);
        Tensor x = Kernels.Allocate(DType.Float32, 3, 6), bad = Kernels.Allocate(DType.Float32, 3, 5), ids = Kernels.Ints([0, 1, 2]), far = Kernels.Ints([0, 3, 1]);
        Refuses("ids", () => Kernels.Embed(Kernels.Allocate(DType.Float32, 3), table, x));
        Refuses("y", () => Kernels.Embed(ids, table, bad));
        Refuses("dy", () => Kernels.EmbedBackward(ids, bad, table));
        Refuses("y", () => Kernels.GatherRows(x, ids, bad));
        Refuses("rows[1]", () => Kernels.GatherRows(x, far, Kernels.Allocate(DType.Float32, 3, 6)));
        Refuses("rows[1]", () => Kernels.ScatterAddRows(x, far, Kernels.Allocate(DType.Float32, 3, 6)));
        Refuses("x", () => Kernels.ScatterAddRows(Kernels.Allocate(DType.Float32, 2, 6), ids, x));
    }
}
