using System.Text.Json;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Native;

namespace HybridEngine.Benchmarks;

/// <summary>A decoding step of a model so small that what .NET does around the kernels shows: scheduling, uploads, drawing. Time and allocations a step of the whole batch.</summary>
[Config(typeof(Settings))]
public class StepBenchmarks
{
    private const int Context = 2048;
    private NativeKernels _kernels = null!;
    private Decoder _decoder = null!;
    private GenerationEngine _engine = null!;

    [Params(1, 32)]
    public int Sequences { get; set; }

    [GlobalSetup]
    public void Open()
    {
        const string json = """
            {"model_type": "llama", "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 32, "intermediate_size": 344, "vocab_size": 128,
             "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": true}
            """;
        using JsonDocument document = JsonDocument.Parse(json);
        DecoderConfig config = ModelFamilies.ReadConfig(new ConfigReader("pocket", document.RootElement));
        _kernels = new NativeKernels();
        _decoder = Decoder.Create(_kernels, config, ModelFamilies.Bind(config), Initialization.Normal(), 0);
        _engine = new GenerationEngine(_decoder, new EngineOptions { MaxSequences = Sequences, MaxContext = Context, PrefixCache = false });
    }

    // Sequences that have reached the end of the context are replaced; that is one step in two thousand.
    [Benchmark]
    public void Decode()
    {
        while (_engine.Load.Running + _engine.Load.Waiting < Sequences)
        {
            _engine.Submit(new GenerationRequest { Prompt = [1, 2, 3, 4], Sampling = new SamplingOptions { MaxTokens = Context - 4, IgnoreEos = true }, DecodeText = false });
        }

        _engine.Step();
    }

    [GlobalCleanup]
    public void Close()
    {
        _engine.Dispose();
        _decoder.Dispose();
        _kernels.Dispose();
    }

    private sealed class Settings : ManualConfig
    {
        public Settings()
        {
            AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
            AddDiagnoser(MemoryDiagnoser.Default);
        }
    }
}
