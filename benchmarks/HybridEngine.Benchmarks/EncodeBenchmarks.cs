using System.Globalization;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using HybridEngine.Models;
using HybridEngine.Testing;

namespace HybridEngine.Benchmarks;

/// <summary>Text to ids on one core: a megabyte of English, by every kind of tokenizer.</summary>
[Config(typeof(Settings))]
public class EncodeBenchmarks
{
    private Tokenizer _tokenizer = null!;
    private string _text = "";

    [Params("gpt2", "llama3", "llama2", "qwen2", "gemma", "deepseek_v3", "mistral_metaspace_first", "wordpiece", "unigram_t5", "unigram_albert")]
    public string Folder { get; set; } = "";

    [GlobalSetup]
    public void Load()
    {
        _tokenizer = Tokenizer.Load(SharedData.Require("golden", "tokenizers_hf", Folder));
        _text = File.ReadAllText(SharedData.Require("data", "tinyshakespeare.txt"))[..Settings.Characters];
    }

    [Benchmark]
    public int Encode() => _tokenizer.Encode(_text, addSpecialTokens: false).Length;

    private sealed class Settings : ManualConfig
    {
        public const int Characters = 1_000_000;

        public Settings()
        {
            AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
            AddColumn(new MegabytesColumn());
        }
    }

    private sealed class MegabytesColumn : IColumn
    {
        public string Id => "MB/s";

        public string ColumnName => Id;

        public bool AlwaysShow => true;

        public ColumnCategory Category => ColumnCategory.Custom;

        public int PriorityInCategory => 0;

        public bool IsNumeric => true;

        public UnitType UnitType => UnitType.Dimensionless;

        public string Legend => "Megabytes of text a second and core";

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => summary[benchmarkCase]?.ResultStatistics is { } statistics
            ? (Settings.Characters * 1e3 / statistics.Mean).ToString("0.0", CultureInfo.InvariantCulture)
            : "-";

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

        public bool IsAvailable(Summary summary) => true;

        public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;
    }
}
