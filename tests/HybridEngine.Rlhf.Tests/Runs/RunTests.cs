using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Rlhf.Tests;

/// <summary>Runs from files to files on a tiny model: what a killed run leaves, a resumed one turns into the same result, bit for bit.</summary>
public sealed class RunTests : IDisposable
{
    private const int KilledAfter = 3;
    private readonly string _root = Directory.CreateTempSubdirectory("runs").FullName;
    private readonly IKernels _kernels = Backends.Open(Backends.Auto, 2, out _);

    public RunTests()
    {
        JsonObject config = JsonNode.Parse(PocketModel.ConfigJson())!.AsObject();
        (config["hidden_size"], config["head_dim"], config["num_attention_heads"], config["num_key_value_heads"], config["intermediate_size"], config["vocab_size"]) = (16, 8, 2, 2, 24, 32);
        Write("config.json", config.ToJsonString());
        SplitMix64 random = new(4);
        string Ids(int n) => "[" + string.Join(",", Enumerable.Range(0, n).Select(_ => 5 + random.Below(20))) + "]";
        Write("sft.jsonl", string.Join("\n", Enumerable.Range(0, 11).Select(_ => $"{{\"token_ids\": {Ids(4 + random.Below(6))}, \"prompt_length\": 2}}")));
        Write("pairs.jsonl", string.Join("\n", Enumerable.Range(0, 7).Select(_ => $"{{\"chosen_token_ids\": {Ids(6)}, \"rejected_token_ids\": {Ids(5)}}}")));
    }

    [Fact]
    public void Sft_KilledAndResumed_EndsWithTheSameBits() => KilledAndResumed("sft", c => SftRun.Execute(Common(new SftOptions()), c));

    [Fact]
    public void Reward_KilledAndResumed_EndsWithTheSameBits() =>
        KilledAndResumed("reward", c => RewardRun.Execute(Common(new RewardOptions { Data = [new DataSource(At("pairs.jsonl"))] }), c));

    [Fact]
    public void Ppo_KilledAndResumed_EndsWithTheSameBits() => KilledAndResumed("ppo", c => PpoRun.Execute(Common(new PpoOptions
    {
        Reward = "ends_with_eos", PromptsPerStep = 3, MaxNewTokens = 5, PpoEpochs = 2, Minibatches = 2, KlTarget = 0.1, KlHorizon = 100, EmaBeta = 0.9, RewardNormalization = "initial", NormalizationSamples = 6,
        PtxData = [new DataSource(At("sft.jsonl"))], PtxBatchSize = 2, CriticLearningRate = 1e-3,
    }), c));

    // Masters, moments and compute copies come back as they were, and a rollout's log-probabilities are training's in bf16 as well.
    [SkippableTheory]
    [InlineData("float32")]
    [InlineData("bfloat16")]
    public void Ppo_InBFloat16_KilledAndResumed_EndsWithTheSameBits(string keyValues)
    {
        RequireBFloat16(keyValues);
        KilledAndResumed("ppo", c => PpoRun.Execute(Common(new PpoOptions
        {
            Dtype = "bfloat16", KvType = keyValues, Reward = "ends_with_eos", PromptsPerStep = 3, MaxNewTokens = 5, PpoEpochs = 2, Minibatches = 2, EmaBeta = 0.9, CriticLearningRate = 1e-3,
        }), c));
        Assert.All(MetricsLog.Read(At("ppo/metrics.jsonl")), l => Assert.Equal(0, l["sampling/sampling_logp_difference/max"]));
        string state = File.ReadAllText(Directory.GetFiles(At("ppo/checkpoints"), "state.json", SearchOption.AllDirectories)[0]);
        Assert.Contains(_kernels.VariantOf(Arithmetic.BFloat16), JsonNode.Parse(state)!["numeric_variant"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Sft_ContinuedInAnotherType_SaysSoAndGoesOn()
    {
        RequireBFloat16("float32");
        SftOptions Options(string dtype, int steps) => Common(new SftOptions { Dtype = dtype, KvType = "float32", Steps = steps });
        SftRun.Execute(Options("float32", 2), Context("sft"));
        List<string> notes = [];
        SftRun.Execute(Options("bfloat16", 3), Context("sft") with { Resume = true, Note = notes.Add });
        Assert.Contains(notes, n => n.Contains(_kernels.VariantOf(Arithmetic.BFloat16), StringComparison.Ordinal));
        Assert.Equal(3, MetricsLog.Read(At("sft/metrics.jsonl")).Count);
    }

    [Fact]
    public void Execute_FolderThatHoldsARun_IsRefusedWithoutResume()
    {
        SftRun.Execute(Common(new SftOptions { Steps = 1 }), Context("a"));
        InvalidInputException e = Assert.Throws<InvalidInputException>(() => SftRun.Execute(Common(new SftOptions { Steps = 1 }), Context("a")));
        Assert.Contains("already holds a run", e.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(At("a/model/model.safetensors")));
    }

    [Fact]
    public void Execute_NeitherModelNorInit_NamesTheKey() =>
        Assert.StartsWith("model: found neither", Assert.Throws<InvalidInputException>(() => SftRun.Execute(Common(new SftOptions()) with { Init = "" }, Context("b"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Pipeline_ThreeStages_ConnectsAndRuns()
    {
        Write("pipeline.json", $$"""
            { "stages": [ // three steps
              {"kind": "sft", "init": "{{At("config.json")}}", "data": "{{At("sft.jsonl")}}", "steps": 2, "batch_size": 2},
              {"kind": "reward", "data": "{{At("pairs.jsonl")}}", "steps": 2, "batch_size": 2},
              {"kind": "ppo", "data": "{{At("sft.jsonl")}}", "steps": 5, "prompts_per_step": 2, "max_new_tokens": 4},
            ]}
            """);
        IReadOnlyList<PipelineStage> stages = PipelineRun.Load(At("pipeline.json"), ["ppo.steps=1"], At("p"));
        PipelineRun.Execute(stages, Context("p"));
        Assert.Equal(1, Assert.IsType<PpoOptions>(stages[2].Options).Steps);
        Assert.Equal(At("p/2-reward/model"), ((PpoOptions)stages[2].Options).RewardModel);
        StepMetrics line = Assert.Single(MetricsLog.Read(At("p/3-ppo/metrics.jsonl")));
        Assert.Equal(0, line["sampling/sampling_logp_difference/max"]);
        Assert.True(line["completions/mean_length"] > 0);
        Assert.Throws<InvalidInputException>(() => PipelineRun.Load(At("pipeline.json"), ["grpo.steps=1"], At("p")));
    }

    public void Dispose()
    {
        _kernels.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private void KilledAndResumed(string name, Action<RunContext> execute)
    {
        execute(Context(name + "-whole"));

        // The process dies after step 3, whose checkpoint is the one of step 2, in the middle of a line.
        Assert.Throws<KilledException>(() => execute(Context(name) with { Progress = p => { if (p.Metrics.Step == KilledAfter) { throw new KilledException(); } } }));
        File.AppendAllText(At(name + "/metrics.jsonl"), "{\"step\": 4, \"seco");
        execute(Context(name) with { Resume = true });

        Assert.Equal(Numbers(name + "-whole"), Numbers(name));
        foreach (string file in Directory.GetFiles(At(name + "-whole"), "*.safetensors", SearchOption.AllDirectories))
        {
            Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(file.Replace(name + "-whole", name, StringComparison.Ordinal))), file);
        }

        string report = File.ReadAllText(At(name + "/report.html"));
        Assert.Contains("<svg", report, StringComparison.Ordinal);
        Assert.DoesNotContain("http", report.Replace("http-equiv", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("<script", report, StringComparison.Ordinal);
    }

    private void RequireBFloat16(string keyValues)
    {
        Skip.IfNot(_kernels.CanCreateWeight(DType.BFloat16, 16, Arithmetic.BFloat16), $"{_kernels.Description}: no products in bf16");
        try
        {
            _kernels.CreateKv(1, 16, 1, 8, keyValues == "bfloat16" ? DType.BFloat16 : DType.Float32).Dispose();
        }
        catch (UnsupportedException e)
        {
            throw new SkipException(e.Message);
        }
    }

    private List<string> Numbers(string name)
    {
        IReadOnlyList<StepMetrics> lines = MetricsLog.Read(At(name + "/metrics.jsonl"));
        Assert.Equal([1, 2, 3, 4, 5], lines.Select(l => l.Step));
        return [.. lines.SelectMany(l => l.Values.Where(v => !v.Key.StartsWith("time/", StringComparison.Ordinal) && v.Key != "tokens_per_second").Select(v => $"{l.Step} {v.Key} {v.Value:R}"))];
    }

    private T Common<T>(T options) where T : TrainerOptions
    {
        options.Init = At("config.json");
        if (options.Data.Count == 0) { options.Data = [new DataSource(At("sft.jsonl"))]; }
        if (options.Steps == 0) { options.Steps = 5; }
        (options.SaveEvery, options.BatchSize, options.LearningRate, options.MicroBatchTokens, options.WarmupSteps) = (2, 3, 1e-3, 16, 1);
        return options;
    }

    private RunContext Context(string name) => new() { Kernels = _kernels, Output = At(name) };

    private string At(string name) => Path.Combine(_root, name);

    private void Write(string name, string text) => File.WriteAllText(At(name), text);

    private sealed class KilledException : Exception;
}
