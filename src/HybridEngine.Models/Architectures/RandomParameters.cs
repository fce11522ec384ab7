using System.Text;

namespace HybridEngine.Models;

/// <summary>Random weights: a parameter's numbers depend on the seed and on its name in the checkpoint, not on what else the model has.</summary>
internal sealed unsafe class RandomParameters(DecoderConfig config, Initialization initialization, ulong seed) : IParameterSource
{
    private const ulong Step = 0x9E3779B97F4A7C15;

    /// <summary>Numbers that one thread draws at a time; even, as they come in pairs.</summary>
    internal const int Piece = 1 << 16;

    public void Read(ParameterBinding binding, Span<float> destination)
    {
        if (binding.IsBias) { destination.Clear(); return; }
        if (binding.IsVector) { destination.Fill(1 - config.Norm.WeightOffset); return; }
        ulong state = seed * Step ^ Hash(binding);
        double std = initialization.Std(binding.Role);
        if (destination.Length <= Piece) { Draw(destination, state, std); return; }
        int length = destination.Length;
        fixed (float* fixedStart = destination)
        {
            float* start = fixedStart;
            // A number takes one step of the generator, whose state is a multiple of the step: every piece knows where it begins.
            Parallel.For(0, (int)((length + Piece - 1L) / Piece), i =>
            {
                long first = (long)i * Piece;
                Draw(new Span<float>(start + first, (int)Math.Min(Piece, length - first)), state + (ulong)first * Step, std);
            });
        }
    }

    private static void Draw(Span<float> destination, ulong state, double std)
    {
        for (int i = 0; i < destination.Length; i += 2)
        {
            (double a, double b) = NormalPair(ref state);
            destination[i] = (float)(std * a);
            if (i + 1 < destination.Length) { destination[i + 1] = (float)(std * b); }
        }
    }

    // Box and Muller 1958.
    private static (double First, double Second) NormalPair(ref ulong state)
    {
        double radius = Math.Sqrt(-2 * Math.Log(((Next(ref state) >> 11) + 1) * (1.0 / (1UL << 53))));
        (double sin, double cos) = Math.SinCos(2 * Math.PI * ((Next(ref state) >> 11) * (1.0 / (1UL << 53))));
        return (radius * cos, radius * sin);
    }

    // SplitMix64 (Steele et al. 2014).
    private static ulong Next(ref ulong state)
    {
        ulong z = state += Step;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    // FNV-1a over name and first row: parts of a fused tensor share a name.
    private static ulong Hash(ParameterBinding binding)
    {
        ulong hash = 0xCBF29CE484222325;
        foreach (byte b in Encoding.UTF8.GetBytes($"{binding.TensorName}:{binding.RowStart}")) { hash = (hash ^ b) * 0x100000001B3; }
        return hash;
    }
}
