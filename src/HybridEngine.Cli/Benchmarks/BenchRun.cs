using System.Diagnostics;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Rlhf;
using HybridEngine.Training;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>What a benchmark measured.</summary>
/// <param name="Seconds">Of each repetition.</param>
/// <param name="Parts">The same of its parts, where it has some.</param>
internal sealed record BenchTimes(double[] Seconds, IReadOnlyDictionary<string, double[]> Parts)
{
    /// <summary>Managed bytes allocated in decoding steps, and bytes by which tensors grew in them, a new token; null where nothing is decoded.</summary>
    public (double Managed, double Native)? AllocatedPerToken { get; init; }
}

/// <summary>Runs one case on a decoder.</summary>
internal static class BenchRun
{
    public static BenchTimes Run(BenchCase test, Decoder decoder, CancellationToken stop) => test.What switch
    {
        "generate" => Generate(test, decoder, stop),
        "prefill" => Prefill(test, decoder, stop),
        "train" => Train(test, decoder, stop),
        "rlhf" => Rlhf(test, decoder, stop),
        _ => throw new InvalidInputException("bench", $"'{test.What}'", "generate, prefill, train or rlhf"),
    };

    /// <summary>Generation; each sequence with the adapter that <paramref name="adapterOf"/> names by its number.</summary>
    public static BenchTimes Generate(BenchCase test, Decoder decoder, CancellationToken stop, Func<int, LoraAdapter?>? adapterOf = null)
    {
        using GenerationEngine engine = Engine(test, decoder);
        int[][] prompts = test.Prompts(decoder.Config);
        SamplingOptions sampling = new() { MaxTokens = test.New, IgnoreEos = true };
        PartTimes parts = new(test, "prefill", "decode");
        DecodeAllocations allocations = new();
        BenchTimes times = Repeat(test, r =>
        {
            for (int i = 0; i < prompts.Length; i++) { engine.Submit(new GenerationRequest { Prompt = prompts[i], Adapter = adapterOf?.Invoke(i), Sampling = sampling, RequestId = i, DecodeText = false }); }
            engine.Statistics.Reset();
            allocations.Run(engine, count: r >= 0);
            parts.Add(r, "prefill", engine.Statistics.PrefillTime.TotalSeconds);
            parts.Add(r, "decode", engine.Statistics.DecodeTime.TotalSeconds);
        }, stop);
        return times with { Parts = parts.Seconds, AllocatedPerToken = allocations.PerToken };
    }

    private static BenchTimes Prefill(BenchCase test, Decoder decoder, CancellationToken stop)
    {
        using GenerationEngine engine = Engine(test, decoder);
        int[][] prompts = test.Prompts(decoder.Config);
        SamplingOptions sampling = new() { MaxTokens = 1, IgnoreEos = true };
        return Repeat(test, _ =>
        {
            for (int i = 0; i < prompts.Length; i++) { engine.Submit(new GenerationRequest { Prompt = prompts[i], Sampling = sampling, RequestId = i, DecodeText = false }); }
            engine.Run();
        }, stop);
    }

    // Forward, backward, clipping, AdamW over whole sequences, as the PyTorch script does.
    private static BenchTimes Train(BenchCase test, Decoder decoder, CancellationToken stop)
    {
        using TrainableLanguageModel model = new(decoder, new TrainingOptions { Optimizer = new AdamWOptions { MaxGradientNorm = 1 } });
        PackedBatch batch = PackedBatch.Pack(test.Prompts(decoder.Config));
        TokenSelection targets = TokenSelection.NextTokens(batch);
        float[] gradient = new float[targets.Count];
        gradient.AsSpan().Fill(-1f / targets.Count);
        PartTimes parts = new(test, "forward", "backward", "optimizer");
        BenchTimes times = Repeat(test, r =>
        {
            parts.Time(r, "forward", () => model.TrainForward(batch, targets));
            parts.Time(r, "backward", Finished(decoder, () => model.TrainBackward(gradient)));
            parts.Time(r, "optimizer", Finished(decoder, () => model.Step(1e-5)));
        }, stop);
        return times with { Parts = parts.Seconds };
    }

    // A PPO step of four models of this shape: rollout, reference, critic and reward scores, one step of actor and critic.
    private static BenchTimes Rlhf(BenchCase test, Decoder decoder, CancellationToken stop)
    {
        PpoOptions options = new()
        {
            PromptsPerStep = test.Batch, MaxNewTokens = test.New, Steps = test.Repetitions + 1, LearningRate = 1e-6, CriticLearningRate = 1e-6, Schedule = "constant", WhitenAdvantages = false,
        };
        using Decoder reference = decoder.Clone(), criticBody = decoder.Clone(), rewardBody = decoder.Clone();
        reference.Freeze();
        rewardBody.Freeze();
        using ScalarHead criticHead = new(decoder.Kernels, decoder.Config.EmbeddingSize), rewardHead = new(decoder.Kernels, decoder.Config.EmbeddingSize);
        using HybridModel policy = HybridModel.Of(decoder, new ModelSaveOptions { ConfigJson = "{}" }, options: new HybridOptions { Training = options.Training(), Engine = Sizes(test, decoder), IdleBytes = long.MaxValue });
        using TrainableLanguageModel frozen = new(reference, options.Training());
        using TrainableScalarModel critic = new(criticBody, criticHead, options.Training()), reward = new(rewardBody, rewardHead, options.Training());
        PromptStream prompts = new([.. test.Prompts(decoder.Config).Select(p => new RolloutPrompt(p, null))]);
        PpoTrainer trainer = new(options, new PpoModels(policy, critic, frozen, new ModelReward(reward)), prompts, _ => "");
        PartTimes parts = new(test, "generate", "score", "train");
        BenchTimes times = Repeat(test, r =>
        {
            StepMetrics m = trainer.Step();
            foreach (string part in parts.Seconds.Keys) { parts.Add(r, part, m[$"time/{part}"]); }
        }, stop);
        return times with { Parts = parts.Seconds };
    }

    // On a GPU the call returns before the work is done.
    private static Action Finished(Decoder decoder, Action queue) => () =>
    {
        queue();
        decoder.Kernels.Synchronize();
    };

    private static GenerationEngine Engine(BenchCase test, Decoder decoder) => new(decoder, Sizes(test, decoder));

    private static EngineOptions Sizes(BenchCase test, Decoder decoder) => new()
    {
        // Repetitions must not find each other's prompts.
        PrefixCache = false, MaxSequences = test.Batch, MaxContext = Math.Min(decoder.Config.MaxPositions, test.Prompt + Math.Max(test.New, 1)),
    };

    private static BenchTimes Repeat(BenchCase test, Action<int> run, CancellationToken stop)
    {
        double[] seconds = new double[test.Repetitions];
        for (int r = -1; r < test.Repetitions; r++)
        {
            stop.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            run(r);
            if (r >= 0) { seconds[r] = Stopwatch.GetElapsedTime(start).TotalSeconds; }
        }

        return new BenchTimes(seconds, new Dictionary<string, double[]>());
    }

    private sealed class PromptStream(RolloutPrompt[] prompts) : IDataStream<RolloutPrompt>
    {
        public long Position { get; set; }

        public int ItemsPerEpoch => prompts.Length;

        public RolloutPrompt Next() => prompts[Position++ % prompts.Length];
    }
}
