using System.Runtime.InteropServices;
using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>Compact weights: whatever the forward computes with one has the bits that the same backend computes with the same values in float32.</summary>
public abstract class CompactContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    public static TheoryData<DType, int, int, int> Cases
    {
        get
        {
            TheoryData<DType, int, int, int> cases = [];
            foreach (DType dtype in (DType[])[DType.BFloat16, DType.Float16, DType.Q8_0, DType.Q4_0, DType.Q4_1])
            {
                foreach ((int rows, int inputs, int outputs) in ((int, int, int)[])[(1, 32, 1), (2, 288, 130), (5, 64, 33), (12, 320, 64), (29, 544, 97)]) { cases.Add(dtype, rows, inputs, outputs); }
            }

            return cases;
        }
    }

    [SkippableTheory, MemberData(nameof(Cases))]
    public void Forward_CompactWeight_HasTheBitsOfFloat32(DType dtype, int rows, int inputs, int outputs)
    {
        (WeightMatrix compact, WeightMatrix wide) = Weights(dtype, outputs, inputs);
        Assert.Equal((dtype, DType.Float32), (compact.DType, wide.DType));
        Tensor x = Kernels.Floats(Random.Normal(rows * inputs), rows, inputs), bias = Kernels.Floats(Random.Normal(outputs));
        Tensor ids = Kernels.Ints([.. Enumerable.Range(0, rows).Select(_ => (int)Random.Integer(0, outputs - 1))]);
        float[] old = Random.Normal(rows * outputs);

        Expect(wide, compact, w =>
        {
            Tensor y = Place(Kernels, old, rows, outputs);
            Kernels.Linear(x, w, bias, y, accumulate: true);
            return Kernels.Read(y);
        });
        Expect(wide, compact, w =>
        {
            Tensor y = Space(Kernels, rows, outputs);
            Kernels.Logits(x, w, bias, 2, y);
            return Kernels.Read(y);
        });
        Expect(wide, compact, w =>
        {
            Tensor logProb = Kernels.Allocate(DType.Float32, rows), logSumExp = Kernels.Allocate(DType.Float32, rows), entropy = Kernels.Allocate(DType.Float32, rows);
            Kernels.LogProbs(x, w, bias, ids, new HeadOptions(0.8f, 3), logProb, logSumExp, entropy);
            return [.. Kernels.Read(logProb), .. Kernels.Read(logSumExp), .. Kernels.Read(entropy)];
        });
        Expect(wide, compact, w =>
        {
            Tensor y = Space(Kernels, rows, inputs);
            Kernels.Embed(ids, w, y, scale: 1.25f);
            return Kernels.Read(y);
        });
    }

    [SkippableTheory, InlineData(DType.Q2_K), InlineData(DType.Q3_K), InlineData(DType.Q4_K), InlineData(DType.Q5_K), InlineData(DType.Q6_K)]
    public void Forward_KTypes_HaveTheBitsOfFloat32(DType dtype)
    {
        foreach ((int rows, int inputs, int outputs) in ((int, int, int)[])[(1, 256, 33), (2, 512, 64), (7, 768, 97), (13, 256, 31)])
        {
            (WeightMatrix compact, WeightMatrix wide) = KWeights(dtype, outputs, inputs);
            Tensor x = Kernels.Floats(Random.Normal(rows * inputs), rows, inputs), bias = Kernels.Floats(Random.Normal(outputs));
            Tensor ids = Kernels.Ints([.. Enumerable.Range(0, rows).Select(_ => (int)Random.Integer(0, outputs - 1))]);
            Expect(wide, compact, w =>
            {
                Tensor y = Space(Kernels, rows, outputs), e = Space(Kernels, rows, inputs);
                Kernels.Linear(x, w, bias, y);
                Kernels.Embed(ids, w, e, scale: 1.25f);
                return [.. Kernels.Read(y), .. Kernels.Read(e)];
            });
            Expect(wide, compact, w =>
            {
                Tensor logProb = Kernels.Allocate(DType.Float32, rows), logSumExp = Kernels.Allocate(DType.Float32, rows);
                Kernels.LogProbs(x, w, bias, ids, new HeadOptions(0.8f), logProb, logSumExp, default);
                return [.. Kernels.Read(logProb), .. Kernels.Read(logSumExp)];
            });
        }
    }

    [SkippableTheory, InlineData(DType.Q2_K), InlineData(DType.Q3_K), InlineData(DType.Q4_K), InlineData(DType.Q5_K), InlineData(DType.Q6_K), InlineData(DType.Q8_0), InlineData(DType.Q4_0), InlineData(DType.Q4_1)]
    public void Unpack_BlocksOfAnotherEngine_AreItsValues(DType dtype)
    {
        string file = RepoRoot.Golden("gguf", $"{dtype}");
        byte[] blocks = File.ReadAllBytes(file + ".blocks");
        float[] values = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(file + ".f32")).ToArray();
        const int Outputs = 4;
        WeightMatrix w = Kernels.CreateWeight(Outputs, values.Length / Outputs, dtype);
        Kernels.Pack(Kernels.Blocks(dtype, blocks, Outputs, values.Length / Outputs), w);
        Compare.SameBits(values, Kernels.ReadWeight(w), $"{dtype}");
    }

    [SkippableTheory, MemberData(nameof(Cases))]
    public void Unpack_CompactWeight_IsWhatConvertSays(DType dtype, int rows, int inputs, int outputs)
    {
        _ = rows;
        (WeightMatrix compact, WeightMatrix wide) = Weights(dtype, outputs, inputs);
        Compare.SameBits(Kernels.ReadWeight(wide), Kernels.ReadWeight(compact), $"{dtype}");
    }

    [SkippableFact]
    public void Backward_CompactWeight_IsRefusedByName()
    {
        WeightMatrix w = Kernels.CreateWeight(4, 32, DType.Q8_0);
        Tensor x = Kernels.Allocate(DType.Float32, 3, 32), dy = Kernels.Allocate(DType.Float32, 3, 4);
        Refuses("w", () => Kernels.LinearBackwardInput(dy, w, x));
        Refuses("dw", () => Kernels.LinearBackwardWeight(x, dy, w, default));
        Refuses("source", () => Kernels.Pack(Kernels.Allocate(DType.Float32, 4, 32), w));
        Assert.False(Kernels.CanCreateWeight(DType.Q8_0, 33));
        Assert.Throws<UnsupportedException>(() => Kernels.CreateWeight(4, 33, DType.Q8_0));
    }

    private (WeightMatrix Compact, WeightMatrix Wide) Weights(DType dtype, int outputs, int inputs)
    {
        Tensor source = Kernels.Allocate(dtype, outputs, inputs), values = Kernels.Allocate(DType.Float32, outputs, inputs);
        Kernels.Convert(Kernels.Floats(Random.Normal(outputs * inputs), outputs, inputs), source);
        Kernels.Convert(source, values);
        WeightMatrix compact = Kernels.CreateWeight(outputs, inputs, dtype), wide = Kernels.CreateWeight(outputs, inputs);
        Kernels.Pack(source, compact);
        Kernels.Pack(values, wide);
        return (compact, wide);
    }

    // Random blocks: factors of some size, every other bit at random. There is no quantizer to go through.
    private (WeightMatrix Compact, WeightMatrix Wide) KWeights(DType dtype, int outputs, int inputs)
    {
        WeightMatrix compact = Kernels.CreateWeight(outputs, inputs, dtype), wide = Kernels.CreateWeight(outputs, inputs);
        Kernels.Pack(Kernels.Blocks(dtype, RandomBlocks.Of(dtype, outputs * inputs, Random), outputs, inputs), compact);
        Kernels.Pack(Kernels.Floats(Kernels.ReadWeight(compact), outputs, inputs), wide);
        return (compact, wide);
    }

    private void Expect(WeightMatrix wide, WeightMatrix compact, Func<WeightMatrix, float[]> run) => Compare.SameBits(run(wide), run(compact), $"{compact}, {Random}");
}
