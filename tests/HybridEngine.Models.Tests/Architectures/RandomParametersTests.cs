using System.Text;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Models.Tests;

public sealed class RandomParametersTests
{
    // Several pieces and a rest of odd length, drawn by several threads, are the generator's one sequence.
    [Theory, InlineData(5), InlineData(3 * RandomParameters.Piece + 777)]
    public void Read_AnyLength_IsOneSequence(int length)
    {
        using ModelFiles model = ModelFiles.Open(RepoRoot.Golden("models", "llama"));
        ParameterBinding binding = new(ParameterRole.Query, 0, IsBias: false, "w", length, 1, Transposed: false, RowStart: 0);
        ulong seed = (ulong)Random.Shared.NextInt64();
        float[] actual = new float[length];
        new RandomParameters(model.Config, Initialization.Normal(0.5), seed).Read(binding, actual);

        ulong state = 0xCBF29CE484222325;
        foreach (byte b in Encoding.UTF8.GetBytes("w:0")) { state = (state ^ b) * 0x100000001B3; }
        state ^= seed * 0x9E3779B97F4A7C15;
        double Uniform()
        {
            ulong z = state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return (z ^ (z >> 31)) >> 11;
        }

        const double Unit = 1.0 / (1UL << 53);
        for (int i = 0; i < length; i += 2)
        {
            double radius = Math.Sqrt(-2 * Math.Log((Uniform() + 1) * Unit)), angle = 2 * Math.PI * (Uniform() * Unit);
            Assert.Equal(0.5 * radius * Math.Cos(angle), actual[i], 1e-6);
            if (i + 1 < length) { Assert.Equal(0.5 * radius * Math.Sin(angle), actual[i + 1], 1e-6); }
        }
    }
}
