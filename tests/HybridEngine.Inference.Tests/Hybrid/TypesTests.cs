using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Inference.Tests;
using HybridEngine.Models;
using HybridEngine.Testing;
using HybridEngine.Training;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>Types by the names that users give: what is loaded, that every type keeps its promises, and what is refused.</summary>
public sealed class TypesTests : IDisposable
{
    private static readonly string _llama = RepoRoot.Golden("models", "llama");
    private static readonly SamplingOptions _sampling = new() { Temperature = 1, MaxTokens = 14, IgnoreEos = true };
    private static readonly int[][] _prompts = [[3, 4, 5], [9, 8, 7, 6, 5, 4, 3], [11]];
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"he-{Guid.NewGuid():N}.gguf");

    /// <summary>Types that training has too: dtype, kv-type, quantize.</summary>
    public static TheoryData<string, string, string, string> Trained
    {
        get
        {
            TheoryData<string, string, string, string> cases = [];
            foreach (string backend in (string[])[Backends.Reference, Backends.Cpu])
            {
                cases.Add(backend, "bfloat16", "auto", "");
                cases.Add(backend, "bfloat16", "float32", "");
                cases.Add(backend, "float32", "bfloat16", "");
                cases.Add(backend, "auto", "float32", "q8_0");
                cases.Add(backend, "auto", "bfloat16", "q4_0");
            }

            return cases;
        }
    }

    [SkippableTheory, MemberData(nameof(Trained))]
    public void Train_AfterARollout_ComputesTheRecordedLogProbs(string backend, string dtype, string keyValues, string quantize)
    {
        using HybridModel model = Open(backend, new HybridOptions { DType = dtype, KeyValueType = keyValues, Quantize = quantize });
        (int[][] sequences, float[][] recorded) = Rollout(model);
        PackedBatch batch = PackedBatch.Pack(sequences);
        TokenScores scores = model.Train().TrainForward(batch, Completions(batch, sequences));
        Compare.SameBits(recorded.SelectMany(r => r).ToArray(), scores.LogProbs);
    }

    // Scoring runs whole sequences, generation single rows against the cache.
    [SkippableTheory]
    [InlineData(Backends.Reference, "bfloat16", "auto", "")]
    [InlineData(Backends.Cpu, "bfloat16", "auto", "")]
    [InlineData(Backends.Reference, "auto", "int8", "q8_0")]
    [InlineData(Backends.Cpu, "auto", "int8", "q8_0")]
    [InlineData(Backends.Cpu, "bfloat16", "int8", "q4_1")]
    public void Score_WhatWasGenerated_SameBitsInBatchAndAlone(string backend, string dtype, string activations, string quantize)
    {
        using HybridModel model = Open(backend, new HybridOptions { DType = dtype, Activations = activations, Quantize = quantize });
        (int[][] sequences, float[][] recorded) = Rollout(model);
        SequenceScores[] scores = model.Score(sequences);
        for (int i = 0; i < _prompts.Length; i++)
        {
            Compare.SameBits(recorded[i], scores[i].LogProbs.AsSpan(_prompts[i].Length - 1));
            Compare.SameBits(scores[i].LogProbs, model.Score([sequences[i]])[0].LogProbs);
        }
    }

    // Packed attention does not round to 8 bits: scoring goes through a cache too.
    [SkippableTheory]
    [InlineData(Backends.Reference)]
    [InlineData(Backends.Cpu)]
    public void Score_WithKeysAndValuesInInt8_SameBitsAsRecordedInBatchAndAlone(string backend)
    {
        using HybridModel model = Open(backend, new HybridOptions { KeyValueType = "int8" }), wide = Open(backend, new HybridOptions());
        (int[][] sequences, float[][] recorded) = Rollout(model);
        SequenceScores[] scores = model.Score(sequences);
        for (int i = 0; i < _prompts.Length; i++)
        {
            Compare.SameBits(recorded[i], scores[i].LogProbs.AsSpan(_prompts[i].Length - 1));
            Compare.SameBits(scores[i].LogProbs, model.Score([sequences[i]])[0].LogProbs);
        }

        // The rounding shows: these are not the scores of a float32 cache.
        Assert.NotEqual(wide.Score(sequences).SelectMany(s => s.LogProbs), scores.SelectMany(s => s.LogProbs));
    }

    [SkippableTheory]
    [InlineData(Backends.Reference, "mixtral", "int8", "q8_0")]
    [InlineData(Backends.Cpu, "mixtral", "auto", "q4_0")]
    [InlineData(Backends.Cpu, "mixtral", "int8", "q8_0")]
    [InlineData(Backends.Cpu, "qwen3-moe", "int8", "q4_1")]
    public void Score_WithQuantizedExperts_SameBitsInBatchAndAlone(string backend, string family, string activations, string quantize)
    {
        string folder = SharedData.Require("golden", "models", family);
        using HybridModel model = Open(backend, new HybridOptions { Activations = activations, Quantize = quantize }, folder);
        Parameter[] experts = [.. model.Decoder.Parameters.Where(p => p.Binding.Expert >= 0)];
        Assert.Contains(experts, p => p.DType.BlockLength() > 1 && (activations == "auto" || p.Form.Arithmetic == Arithmetic.Int8));
        (int[][] sequences, float[][] recorded) = Rollout(model);
        SequenceScores[] scores = model.Score(sequences);
        for (int i = 0; i < _prompts.Length; i++)
        {
            Compare.SameBits(recorded[i], scores[i].LogProbs.AsSpan(_prompts[i].Length - 1));
            Compare.SameBits(scores[i].LogProbs, model.Score([sequences[i]])[0].LogProbs);
        }
    }

    [SkippableTheory]
    [InlineData(Backends.Reference, "q8_0")]
    [InlineData(Backends.Cpu, "q8_0")]
    [InlineData(Backends.Cpu, "q4_1")]
    public void Load_QuantizeFloat32_TheMatricesOfTheConvertedFile(string backend, string type)
    {
        ModelConverter.Convert(_llama, _file, ModelConverter.ParseType("type", type));
        using HybridModel loaded = Open(backend, new HybridOptions { Quantize = type }), converted = HybridModel.Load(_file, new HybridOptions { Backend = backend });
        int compared = 0;
        foreach ((Parameter a, Parameter b) in loaded.Decoder.Parameters.Zip(converted.Decoder.Parameters))
        {
            // What blocks do not fill is of the file's second choice there, and as it was here.
            if (a.Form != b.Form || (!a.IsVector && a.DType == DType.Float32)) { continue; }
            Compare.SameBits(b.ToArray(), a.ToArray(), a.Name);
            compared += a.IsVector ? 0 : 1;
        }

        Assert.InRange(compared, 4, int.MaxValue);
    }

    [SkippableFact]
    public void Train_BFloat16OfAFloat32File_MastersAreTheFilesValues()
    {
        using HybridModel wide = Open(Backends.Reference, new HybridOptions()), narrow = Open(Backends.Reference, new HybridOptions { DType = "bfloat16", KeyValueType = "float32" });
        Assert.All(narrow.Decoder.Parameters.Where(p => !p.IsVector), p => Assert.Equal((DType.BFloat16, false), (p.DType, p.Form.HasMaster)));
        narrow.Train();
        foreach ((Parameter a, Parameter b) in wide.Decoder.Parameters.Zip(narrow.Decoder.Parameters)) { Compare.SameBits(a.ToArray(), b.ToArray(), a.Name); }
    }

    [Theory]
    [InlineData("float16", "auto", "auto", "", "dtype")]
    [InlineData("int3", "auto", "auto", "", "dtype")]
    [InlineData("auto", "int4", "auto", "", "activations")]
    [InlineData("auto", "int8", "auto", "", "activations")]
    [InlineData("auto", "auto", "fp8", "", "kv-type")]
    [InlineData("auto", "auto", "auto", "q3", "quantize")]
    [InlineData("auto", "auto", "auto", "f16", "quantize")]
    public void Load_TypesThatMakeNoSense_SayWhich(string dtype, string activations, string keyValues, string quantize, string named)
    {
        HybridOptions options = new() { Backend = Backends.Reference, DType = dtype, Activations = activations, KeyValueType = keyValues, Quantize = quantize };
        HybridEngineException e = Assert.ThrowsAny<HybridEngineException>(() => HybridModel.Load(_llama, options));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("int8", "auto", "q8_0")]
    [InlineData("auto", "auto", "q8_0")]
    [InlineData("auto", "int8", "")]
    public void Resolve_LossyTypesInTraining_AreRefused(string activations, string keyValues, string quantize)
    {
        using IKernels kernels = Backends.Open(Backends.Reference, 0, out _);
        Assert.Throws<UnsupportedException>(() => new PrecisionOptions { Activations = activations, KeyValueType = keyValues, Quantize = quantize }.Resolve(kernels, null, training: true));
    }

    [Fact]
    public void Resolve_Auto_IsFloat32OnTheReferenceAndBFloat16WhereItPays()
    {
        ModelConverter.Convert(_llama, _file, StoredType.BF16);
        using ModelFiles narrow = ModelFiles.Open(_file), wide = ModelFiles.Open(_llama);
        foreach (string backend in (string[])[Backends.Reference, Backends.Auto])
        {
            using IKernels kernels = Backends.Open(backend, 1, out _);
            bool pays = kernels.Pays(Arithmetic.BFloat16);
            Assert.Equal(pays ? Arithmetic.BFloat16 : Arithmetic.Float32, new PrecisionOptions().Resolve(kernels, narrow).Arithmetic);
            Assert.Equal(pays ? DType.BFloat16 : DType.Float32, new PrecisionOptions().Resolve(kernels, narrow).KeyValueType);
            Assert.Equal(Arithmetic.Float32, new PrecisionOptions().Resolve(kernels, wide).Arithmetic);
            if (backend == Backends.Reference) { Assert.False(pays); }
        }
    }

    public void Dispose() => File.Delete(_file);

    private static HybridModel Open(string backend, HybridOptions options, string? folder = null)
    {
        if (backend == Backends.Cpu) { Backend.Native2.Open().Dispose(); }
        HybridModel model = HybridModel.Load(folder ?? _llama, options with { Backend = backend, Seed = Random.Shared.Next() });
        try
        {
            model.Kernels.CreateKv(1, 16, 1, 8, model.Decoder.Precision.KeyValueType).Dispose();
            Skip.If(options.Activations == "int8" && !model.Decoder.Parameters.Any(p => p.Form.Arithmetic == Arithmetic.Int8), $"{model.Kernels.Description}: no products with 8-bit activations");
            return model;
        }
        catch (UnsupportedException e)
        {
            model.Dispose();
            throw new SkipException(e.Message);
        }
    }

    private static (int[][] Sequences, float[][] Recorded) Rollout(HybridModel model)
    {
        GenerationResult[] results = HybridModelTests.Rollout(model, _prompts, _sampling);
        return ([.. _prompts.Zip(results, (p, r) => (int[])[.. p, .. r.TokenIds])], [.. results.Select(r => r.LogProbs)]);
    }

    private static TokenSelection Completions(PackedBatch batch, int[][] sequences)
    {
        List<int> rows = [], targets = [];
        for (int s = 0; s < sequences.Length; s++)
        {
            for (int t = _prompts[s].Length; t < sequences[s].Length; t++)
            {
                rows.Add(batch.Offsets[s] + t - 1);
                targets.Add(sequences[s][t]);
            }
        }

        return new TokenSelection([.. rows], [.. targets]);
    }
}
