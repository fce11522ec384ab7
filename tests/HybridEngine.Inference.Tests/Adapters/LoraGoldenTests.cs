using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;
using GoldenFile = HybridEngine.Testing.SafetensorsFile;

namespace HybridEngine.Inference.Tests;

/// <summary>Adapters that PEFT wrote, against the logits that PEFT computes in float64.</summary>
public sealed class LoraGoldenTests
{
    private const double LogitBound = 1e-4;

    public static TheoryData<string, Backend> Cases
    {
        get
        {
            TheoryData<string, Backend> cases = [];
            foreach (string name in new[] { "r4_qv", "r8_rslora_all", "dora_r4", "modules_to_save", "lora_bias" })
            {
                cases.Add(name, Backend.Reference);
                cases.Add(name, Backend.Native2);
            }

            return cases;
        }
    }

    [SkippableTheory, MemberData(nameof(Cases))]
    public void Forward_WithAdapter_GivesPeftsLogits(string name, Backend backend)
    {
        string folder = SharedData.Require("golden", "lora", name);
        GoldenFile golden = new(Path.Combine(folder, "golden.safetensors"));
        using IKernels kernels = backend.Open();
        using ModelFiles files = ModelFiles.Open(SharedData.Require("golden", "lora", "base"));
        using Decoder decoder = Decoder.Load(kernels, files);
        using LoraAdapter adapter = LoraAdapter.Load(name, folder, decoder);
        Check(golden, "out/logits", ids => Logits(decoder, adapter, ids));
    }

    [SkippableTheory, MemberData(nameof(Cases))]
    public void Merged_ModelOfItsOwn_GivesPeftsLogitsAndWeights(string name, Backend backend)
    {
        string folder = SharedData.Require("golden", "lora", name);
        GoldenFile golden = new(Path.Combine(folder, "golden.safetensors"));
        using ModelFiles files = ModelFiles.Open(SharedData.Require("golden", "lora", "base"));
        LoraWeights weights = LoraWeights.Load(folder, files.Config, files.Bindings);
        if (name == "lora_bias")
        {
            Assert.Contains("lora_bias", Assert.Throws<UnsupportedException>(() => new MergedModel(files, files.Config, files.Bindings, weights)).Message, StringComparison.Ordinal);
            return;
        }

        MergedModel merged = new(files, files.Config, files.Bindings, weights);
        foreach (string tensor in golden.Names.Where(n => n.StartsWith("merged/", StringComparison.Ordinal)))
        {
            ParameterBinding binding = merged.Bindings.Single(b => b.TensorName == tensor["merged/".Length..]);
            float[] values = new float[binding.Rows * binding.Columns];
            merged.Read(binding, values);
            Compare.Close(golden.Floats(tensor), values, 1e-7, 2e-7, tensor);
        }

        using IKernels kernels = backend.Open();
        using Decoder decoder = Decoder.Load(kernels, merged.Config, merged.Bindings, merged);
        Check(golden, "out/logits_merged", ids => Logits(decoder, null, ids));
    }

    private static void Check(GoldenFile golden, string tensor, Func<int[], float[]> logits)
    {
        int[] ids = golden.Integers("in/input_ids"), lengths = golden.Integers("in/length");
        float[] expected = golden.Floats(tensor);
        int width = (int)golden.Shape("in/input_ids")[1], vocabulary = expected.Length / ids.Length;
        for (int s = 0; s < lengths.Length; s++)
        {
            float[] actual = logits(ids[(s * width)..(s * width + lengths[s])]);
            Compare.Close(expected.AsSpan(s * width * vocabulary, lengths[s] * vocabulary), actual, LogitBound, 0, $"{tensor}, sequence {s}");
        }
    }

    private static float[] Logits(Decoder decoder, LoraAdapter? adapter, int[] ids)
    {
        using TensorPool pool = new(decoder.Kernels);
        AdapterRows rows = new();
        rows.Add(adapter, ids.Length);
        PackedTokens tokens = PackedBatch.Pack(ids).Upload(decoder, pool);
        Tensor hidden = new DecoderForward(decoder, pool).Run(tokens, rows);
        Tensor logits = pool.Rent(DType.Float32, ids.Length, decoder.Config.VocabularySize);
        decoder.Logits(hidden, logits, rows);
        float[] values = new float[logits.Count];
        decoder.Kernels.Download(logits, values.AsSpan());
        foreach (Tensor t in new[] { hidden, logits }) { pool.Return(t); }
        tokens.Return(pool);
        return values;
    }
}
