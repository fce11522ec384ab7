using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Cuda.Tests;

/// <summary>The launches of attention on tensor cores: against the textbook, to what rounding to bf16 costs.</summary>
public sealed class TensorAttentionTests
{
    // Strided rows, two sequences, grouped queries; the last query of a sequence sees all of its keys.
    [SkippableTheory, InlineData(64, false), InlineData(80, true), InlineData(256, true)]
    public void Attention_Bf16Keys_IsTheFormula(int headSize, bool window)
    {
        using CudaKernels kernels = CudaKernelsTests.Open();
        TestRandom random = new();
        const int QueryHeads = 4, KeyHeads = 2;
        int[] offsets = [0, 5, 75];
        int tokens = offsets[^1], queryWidth = QueryHeads * headSize, keyWidth = KeyHeads * headSize, row = queryWidth + 2 * keyWidth;
        float[] qkv = [.. random.Normal(tokens * row).Select(Rounded)], y = new float[tokens * queryWidth];
        Tensor fused = kernels.Allocate(DType.Float32, tokens, row), result = kernels.Allocate(DType.Float32, tokens, QueryHeads, headSize), at = kernels.Allocate(DType.Int32, offsets.Length);
        kernels.Upload<float>(qkv, fused);
        kernels.Upload<int>(offsets, at);
        AttentionOptions options = new(QueryHeads, KeyHeads, headSize, (float)(1 / Math.Sqrt(headSize)), Window: window ? 9 : 0, KeyValueType: DType.BFloat16);
        Tensor sums = kernels.Allocate(DType.Float32, tokens, QueryHeads + 3).Slice(1, 2, QueryHeads);
        kernels.Attention(Heads(fused, 0, QueryHeads, headSize), Heads(fused, queryWidth, KeyHeads, headSize), Heads(fused, queryWidth + keyWidth, KeyHeads, headSize), at, options, result, sums);
        kernels.Download(result, y.AsSpan());
        float[] lse = new float[tokens * (QueryHeads + 3)];
        kernels.Download(new Tensor(sums.Memory!, DType.Float32, new Shape(lse.Length)), lse.AsSpan());
        for (int s = 0; s + 1 < offsets.Length; s++)
        {
            for (int i = offsets[s]; i < offsets[s + 1]; i++)
            {
                for (int h = 0; h < QueryHeads; h++)
                {
                    int first = window ? Math.Max(offsets[s], i - 8) : offsets[s];
                    ReadOnlySpan<float> query = qkv.AsSpan(i * row + h * headSize, headSize);
                    double[] weights = new double[i - first + 1];
                    for (int j = first; j <= i; j++) { weights[j - first] = Math.Exp(options.Scale * Dot(query, qkv.AsSpan(j * row + queryWidth + h / 2 * headSize, headSize))); }
                    double total = weights.Sum();
                    Assert.True(Math.Abs(Math.Log(total) - lse[i * (QueryHeads + 3) + 2 + h]) <= 1e-4, $"log sum of token {i}, head {h}, {random}");
                    for (int d = 0; d < headSize; d++)
                    {
                        double expected = 0, largest = 0;
                        for (int j = first; j <= i; j++)
                        {
                            double term = weights[j - first] / total * qkv[j * row + queryWidth + keyWidth + h / 2 * headSize + d];
                            expected += term;
                            largest += Math.Abs(term);
                        }

                        Assert.True(Math.Abs(expected - y[i * queryWidth + h * headSize + d]) <= (0.00390625 + 4e-5) * largest + 0.00390625 * Math.Abs(expected), $"token {i}, head {h}, element {d}, {random}");
                    }
                }
            }
        }
    }

    private static Tensor Heads(Tensor fused, long first, int heads, int headSize) =>
        new(fused.Memory!, DType.Float32, new Shape(fused.Shape[0], heads, headSize), new Shape(fused.Strides[0], headSize, 1), fused.Offset + first);

    private static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) { sum += (double)a[i] * b[i]; }
        return sum;
    }

    // A bf16 number: rounding it again changes nothing.
    private static float Rounded(float x) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(x) & 0xffff0000);
}
