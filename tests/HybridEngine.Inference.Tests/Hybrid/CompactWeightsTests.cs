using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Inference.Tests;
using HybridEngine.Models;
using HybridEngine.Testing;
using HybridEngine.Training;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>A model whose weights stay in the type of its file computes the bits of the same model in float32, before, while and after it is trained.</summary>
public sealed class CompactWeightsTests : IDisposable
{
    private static readonly SamplingOptions _sampling = new() { Temperature = 0.8f, MaxTokens = 12, IgnoreEos = true };
    private static readonly int[][] _prompts = [[3, 4, 5], [9, 8, 7, 6, 5, 4, 3], [11]];
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"he-{Guid.NewGuid():N}.gguf");

    // GGUF keeps Llama's queries and keys in another order of rows, and this model's down projection has 112 columns, which blocks of 32 do not fill: in the native library it stays float32.
    public static TheoryData<string, string, DType> Cases
    {
        get
        {
            TheoryData<string, string, DType> cases = [];
            foreach (string backend in (string[])[Backends.Reference, Backends.Cpu])
            {
                foreach ((string type, DType dtype) in ((string, DType)[])[("bfloat16", DType.BFloat16), ("float16", DType.Float16), ("q8_0", DType.Q8_0), ("q4_0", DType.Q4_0), ("q4_1", DType.Q4_1)]) { cases.Add(backend, type, dtype); }
            }

            return cases;
        }
    }

    [SkippableTheory, MemberData(nameof(Cases))]
    public void Load_AsStored_GeneratesScoresAndTrainsTheBitsOfFloat32(string backend, string type, DType dtype)
    {
        ModelConverter.Convert(RepoRoot.Golden("models", "llama"), _file, ModelConverter.ParseType("type", type));
        using HybridModel stored = Open(backend, "auto"), wide = Open(backend, "float32");
        Skip.If(dtype == DType.BFloat16 && stored.Kernels.Pays(Arithmetic.BFloat16), "this machine computes with bf16 weights in bf16, see PrecisionTests");
        Assert.Equal(dtype, stored.Decoder.Blocks[0].Attention.QueryKeyValue.Weight.DType);
        Assert.Equal(dtype, stored.Decoder.Embedding.DType);
        if (backend == Backends.Cpu) { Assert.Equal(DType.Float32, stored.Decoder.Blocks[0].Mlp.Down!.Weight.DType); }
        Assert.All(wide.Decoder.Parameters, p => Assert.Equal(DType.Float32, p.DType));
        Same(wide, stored);

        using HybridModel copy = stored.Clone();
        Assert.Equal(dtype, copy.Decoder.Embedding.DType);
        Step(wide);
        Step(stored);
        Assert.All(stored.Decoder.Parameters, p => Assert.Equal(DType.Float32, p.DType));
        Assert.Equal(dtype, copy.Decoder.Embedding.DType);
        Same(wide, stored);
        for (int i = 0; i < wide.Decoder.Parameters.Count; i++) { Compare.SameBits(wide.Decoder.Parameters[i].ToArray(), stored.Decoder.Parameters[i].ToArray(), wide.Decoder.Parameters[i].Name); }
    }

    public void Dispose() => File.Delete(_file);

    private HybridModel Open(string backend, string dtype)
    {
        if (backend == Backends.Cpu) { Backend.Native2.Open().Dispose(); }
        return HybridModel.Load(_file, new HybridOptions { Backend = backend, DType = dtype, Seed = 3 });
    }

    private static void Same(HybridModel wide, HybridModel stored)
    {
        GenerationResult[] expected = HybridModelTests.Rollout(wide, _prompts, _sampling), found = HybridModelTests.Rollout(stored, _prompts, _sampling);
        int[][] sequences = [.. _prompts.Select((p, i) => (int[])[.. p, .. expected[i].TokenIds])];
        SequenceScores[] a = wide.Score(sequences), b = stored.Score(sequences);
        for (int i = 0; i < _prompts.Length; i++)
        {
            Assert.Equal(expected[i].TokenIds, found[i].TokenIds);
            Compare.SameBits(expected[i].LogProbs, found[i].LogProbs);
            Compare.SameBits(a[i].LogProbs, b[i].LogProbs);
        }
    }

    private static void Step(HybridModel model)
    {
        TrainableLanguageModel trainer = model.Train();
        PackedBatch batch = PackedBatch.Pack([3, 4, 5, 6, 7]);
        trainer.TrainForward(batch, TokenSelection.NextTokens(batch));
        trainer.TrainBackward([-1, -1, -1, -1]);
        trainer.Step(1e-2);
    }
}
