using System.Diagnostics;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>What a serving benchmark measured.</summary>
internal sealed record ServeTimes
{
    public required double Seconds { get; init; }

    public required long PromptTokens { get; init; }

    public required long NewTokens { get; init; }

    public required int Finished { get; init; }

    public required int CacheBlocks { get; init; }

    public required long CacheBytes { get; init; }

    /// <summary>Blocks that somebody still reads after the last answer.</summary>
    public required int LeakedBlocks { get; init; }

    /// <summary>Resident bytes when a third of the requests had come, and at the end.</summary>
    public required (long Early, long Late) Resident { get; init; }

    /// <summary>Seconds from arrival to the first token, sorted.</summary>
    public required double[] FirstToken { get; init; }

    /// <summary>Seconds between the tokens of one answer, sorted.</summary>
    public required double[] BetweenTokens { get; init; }

    /// <summary>Answers that were compared with those alone, and how many differed.</summary>
    public required (int Compared, int Different) Verified { get; init; }

    public required EngineStatistics Statistics { get; init; }
}

/// <summary>Runs a <see cref="ServeCase"/>.</summary>
internal static class ServeRun
{
    public static ServeTimes Run(ServeCase test, Decoder decoder, Tokenizer? tokenizer, CancellationToken stop)
    {
        TokenConstraint? constraint = tokenizer is null ? null : TextConstraint.Regex("[A-Za-z ,]+(\\. [A-Za-z ,]+)*\\.").Compile(ConstraintVocabulary.FromTokenizer(tokenizer));
        using AdapterSet adapters = new(decoder);
        LoraAdapter[] loaded = [.. Enumerable.Range(0, test.Adapters).Select(i => adapters.Add($"adapter-{i}", RandomAdapter(decoder, test.Seed + i)))];
        ServeRequest[] requests = ServeWorkload.Create(test, decoder.Config.VocabularySize, loaded, constraint);
        const int blockSize = 16;
        int[] blocks = Array.ConvertAll(requests, r => (r.Request.Prompt.Length + r.Request.Sampling.MaxTokens + blockSize - 1) / blockSize);
        EngineOptions options = new() { BlockSize = blockSize, CacheBlocks = Math.Max(blocks.Max(), (int)(blocks.Sum() * test.CacheShare)), MaxSequences = test.Batch, MaxBatchTokens = Math.Max(1024, test.Batch) };
        using GenerationEngine engine = new(decoder, options);
        Clock[] clocks = new Clock[requests.Length];
        Generation[] running = new Generation[requests.Length];
        Queue<Generation> leaving = [];
        (int arrived, int step, long early) = (0, 0, 0);
        long start = Stopwatch.GetTimestamp();
        for (; arrived < requests.Length || engine.HasWork; step++)
        {
            stop.ThrowIfCancellationRequested();
            if (!engine.HasWork) { step = Math.Max(step, requests[arrived].Arrival); }
            for (; arrived < requests.Length && requests[arrived].Arrival <= step; arrived++)
            {
                int index = arrived;
                Clock clock = clocks[index] = new Clock();
                running[index] = engine.Submit(requests[index].Request with
                {
                    OnToken = t =>
                    {
                        clock.Tick();
                        if (t.FinishReason == FinishReason.None && clock.Tokens == requests[index].CancelAfter) { leaving.Enqueue(running[index]); }
                    },
                });
            }

            if (early == 0 && arrived >= requests.Length / 3) { early = Process.GetCurrentProcess().WorkingSet64; }
            engine.Step();
            while (leaving.TryDequeue(out Generation? g)) { engine.Cancel(g); }
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        long late = Process.GetCurrentProcess().WorkingSet64;
        GenerationResult[] results = Array.ConvertAll(running, g => g.Results()[0]);
        return new ServeTimes
        {
            Seconds = seconds,
            PromptTokens = requests.Sum(r => (long)r.Request.Prompt.Length),
            NewTokens = results.Sum(r => (long)r.TokenIds.Length),
            Finished = results.Count(r => r.FinishReason != FinishReason.Cancelled),
            CacheBlocks = options.CacheBlocks,
            CacheBytes = engine.CacheBytes,
            LeakedBlocks = engine.Load.UsedBlocks,
            Resident = (early, late),
            FirstToken = [.. clocks.Where(c => c.Tokens > 0).Select(c => c.First).Order()],
            BetweenTokens = [.. clocks.SelectMany(c => c.Between).Order()],
            Verified = Verify(decoder, requests, results, Math.Min(test.Verified, requests.Length), stop),
            Statistics = engine.Statistics,
        };
    }

    // Spread evenly over the requests; a cancelled answer is compared as far as it came.
    private static (int Compared, int Different) Verify(Decoder decoder, ServeRequest[] requests, GenerationResult[] results, int count, CancellationToken stop)
    {
        using GenerationEngine alone = new(decoder, new EngineOptions { PrefixCache = false });
        int different = 0;
        for (int i = 0; i < count; i++)
        {
            stop.ThrowIfCancellationRequested();
            int index = (int)((long)i * requests.Length / count);
            GenerationResult actual = results[index];
            Generation g = alone.Submit(requests[index].Request);
            alone.Run();
            GenerationResult expected = g.Results()[0];
            int n = actual.TokenIds.Length;
            bool same = n <= expected.TokenIds.Length && (actual.FinishReason == FinishReason.Cancelled || actual.FinishReason == expected.FinishReason && n == expected.TokenIds.Length)
                && expected.TokenIds.AsSpan(0, n).SequenceEqual(actual.TokenIds)
                && Enumerable.Range(0, n).All(t => BitConverter.SingleToInt32Bits(expected.LogProbs[t]) == BitConverter.SingleToInt32Bits(actual.LogProbs[t]));
            if (!same) { different++; }
        }

        return (count, different);
    }

    // Rank 8 on queries and values, as most adapters are.
    private static LoraWeights RandomAdapter(Decoder decoder, int seed)
    {
        const int rank = 8;
        Random random = new(seed);
        float[] values(int count) => [.. Enumerable.Range(0, count).Select(_ => 0.02f * (random.NextSingle() - 0.5f))];
        return new LoraWeights([.. decoder.Bindings.Where(b => b is { Role: ParameterRole.Query or ParameterRole.Value, IsVector: false })
            .Select(b => new LoraDelta(b, $"{b.Layer}.{b.Role}", rank, 2, values(rank * b.Columns), values(b.Rows * rank)))]);
    }

    private sealed class Clock
    {
        private readonly long _arrival = Stopwatch.GetTimestamp();
        private long _last;

        public int Tokens { get; private set; }

        public double First { get; private set; }

        public List<double> Between { get; } = [];

        public void Tick()
        {
            long now = Stopwatch.GetTimestamp();
            if (Tokens++ == 0) { First = Stopwatch.GetElapsedTime(_arrival, now).TotalSeconds; }
            else { Between.Add(Stopwatch.GetElapsedTime(_last, now).TotalSeconds); }
            _last = now;
        }
    }
}
