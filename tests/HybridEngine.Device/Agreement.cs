using System.Globalization;
using System.Text.Json;
using HybridEngine.Inference;

namespace HybridEngine.Device;

/// <summary>A whole model on CUDA beside the same on the CPU in float32: scores of random sequences, then greedy answers.</summary>
internal static class Agreement
{
    private const int MaxNewTokens = 16;

    /// <summary>Prints one line.</summary>
    /// <param name="model">Folder or file.</param>
    /// <param name="type">float32 or bfloat16, on CUDA.</param>
    /// <param name="bound">The greatest difference of log-probabilities that is allowed, in nats.</param>
    /// <param name="longest">Tokens of the longest sequence.</param>
    public static bool Holds(string model, string type, double bound, int longest)
    {
        using HybridModel cuda = HybridModel.Load(model, Options("cuda", type)), cpu = HybridModel.Load(model, Options("cpu", "float32"));
        int[][] sequences = Sequences(cpu, longest);
        SequenceScores[] expected = cpu.Score(sequences), actual = cuda.Score(sequences);
        double[] apart = [.. expected.Zip(actual, (e, a) => e.LogProbs.Zip(a.LogProbs, (x, y) => Math.Abs((double)x - y))).SelectMany(d => d)];
        bool holds = apart.Length > 0 && apart.All(d => d <= bound); // a NaN is not
        (int same, int all) = Greedy(cuda, cpu, sequences);
        JsonLine.Write(w =>
        {
            w.WriteString("model", Path.GetFileName(Path.TrimEndingDirectorySeparator(model)));
            w.WriteString("dtype", type);
            w.WriteBoolean("agrees", holds);
            w.WriteNumber("log_probs", apart.Length);
            Number(w, "largest_difference", apart.Max());
            Number(w, "mean_difference", apart.Average());
            w.WriteNumber("bound", bound);
            w.WriteNumber("greedy_tokens_alike", same);
            w.WriteNumber("greedy_tokens", all);
        });
        return holds;
    }

    // Ties and near ties of a model with random weights may fall either way: counted, not judged.
    private static (int Same, int All) Greedy(HybridModel cuda, HybridModel cpu, int[][] prompts)
    {
        SamplingOptions greedy = new() { Temperature = 0, MaxTokens = Math.Min(MaxNewTokens, prompts[^1].Length), IgnoreEos = true };
        int[][] Answers(HybridModel m) => [.. m.Generate(prompts, greedy).Select(g => g.Results()[0].TokenIds)];
        int[][] a = Answers(cuda), b = Answers(cpu);
        return (a.Zip(b, (x, y) => x.Zip(y).Count(p => p.First == p.Second)).Sum(), b.Sum(x => x.Length));
    }

    private static int[][] Sequences(HybridModel model, int longest)
    {
        Models.DecoderConfig config = model.Decoder.Config;
        Random random = new(0);
        int most = Math.Max(2, Math.Min(longest, config.MaxPositions - MaxNewTokens));
        return [.. new[] { 2, most / 4, most / 2, most }.Select(n => (int[])[.. Enumerable.Range(0, Math.Max(2, n)).Select(_ => random.Next(config.VocabularySize))])];
    }

    // JSON has no NaN.
    private static void Number(Utf8JsonWriter w, string name, double value)
    {
        if (double.IsFinite(value)) { w.WriteNumber(name, double.Parse(value.ToString("G4", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)); } else { w.WriteNull(name); }
    }

    private static HybridOptions Options(string backend, string type) => new() { Backend = backend, DType = type, Engine = new EngineOptions { CacheBlocks = 64 } };
}
