using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;
using StoredFile = HybridEngine.Testing.SafetensorsFile;

namespace HybridEngine.Models.Tests;

/// <summary>Modules of an adapter meet the right rows of the decoder's parameters. The oracle changes the stored tensor itself, in the orientation of its file, and opens the model anew.</summary>
public sealed class LoraFitTests
{
    private readonly TestRandom _random = new();

    [SkippableTheory]
    [InlineData("llama", "model.layers.1.mlp.down_proj", false)]
    [InlineData("gpt2", "transformer.h.0.attn.c_attn", true)]
    [InlineData("gpt2", "transformer.h.1.mlp.c_proj", true)]
    [InlineData("opt", "model.decoder.layers.0.fc1", false)]
    [InlineData("gpt-neox", "gpt_neox.layers.1.attention.query_key_value", false)]
    [InlineData("bloom", "transformer.h.0.self_attention.query_key_value", false)]
    [InlineData("phi3", "model.layers.0.self_attn.qkv_proj", false)]
    [InlineData("phi3", "model.layers.1.mlp.gate_up_proj", false)]
    [InlineData("mixtral", "model.layers.0.block_sparse_moe.experts.2.w2", false)]
    [InlineData("qwen3-moe", "model.layers.0.mlp.experts.1.up_proj", false)]
    [InlineData("gemma2", "model.layers.0.self_attn.v_proj", false)]
    public void Merged_OneModule_IsTheStoredTensorPlusTheProduct(string name, string module, bool transposed)
    {
        string source = Golden.Model(name);
        StoredFile stored = new(Path.Combine(source, "model.safetensors"));
        string tensor = stored.Names.Single(n => n == module + ".weight" || module.EndsWith("." + n[..^".weight".Length], StringComparison.Ordinal) && n.EndsWith(".weight", StringComparison.Ordinal));
        long[] shape = stored.Shape(tensor);
        (int outputs, int inputs) = transposed ? ((int)shape[1], (int)shape[0]) : ((int)shape[0], (int)shape[1]);
        const int Rank = 3;
        float[] down = _random.Normal(Rank * inputs), up = _random.Normal(outputs * Rank);
        using AdapterFolder adapter = new();
        adapter.Targets(module[(module.LastIndexOf('.') + 1)..]).Set("r", Rank).Set("lora_alpha", 2 * Rank).Set("fan_in_fan_out", transposed);
        adapter.Tensor(module + ".lora_A.weight", down, Rank, inputs).Tensor(module + ".lora_B.weight", up, outputs, Rank);

        using TemporaryFolder folder = new();
        string copy = folder.CopyOf(source, "merged");
        SafetensorsWriter.Write(Path.Combine(copy, "model.safetensors"), stored.Names.Select(n => new TensorToWrite(n, DType.Float32, stored.Shape(n), v => Changed(n).CopyTo(v, 0))));
        using ModelFiles expected = ModelFiles.Open(copy), merged = ModelFiles.Open(source, adapter.Write()), plain = ModelFiles.Open(source);
        foreach (ParameterBinding binding in expected.Bindings)
        {
            float[] values = Read(merged, binding);
            Compare.Close(Read(expected, binding), values, 1e-7, 2e-7, $"{binding.TensorName} {binding.Role}, {_random}");
            Assert.Equal(binding.TensorName != module + ".weight", values.SequenceEqual(Read(plain, binding)));
        }

        float[] Changed(string which)
        {
            float[] values = stored.Floats(which);
            if (which != tensor) { return values; }
            for (int o = 0; o < outputs; o++)
            {
                for (int i = 0; i < inputs; i++)
                {
                    double sum = 0;
                    for (int k = 0; k < Rank; k++) { sum += (double)up[o * Rank + k] * down[k * inputs + i]; }
                    int at = transposed ? i * outputs + o : o * inputs + i;
                    values[at] = (float)(values[at] + 2 * sum);
                }
            }

            return values;
        }
    }

    [SkippableTheory, InlineData("layers.0.self_attn.q_proj"), InlineData("model.layers.0.self_attn.q_proj")]
    public void Load_NamesWithAndWithoutTheBodysPrefix_AreTheSameModule(string module)
    {
        using ModelFiles files = ModelFiles.Open(Golden.Model("llama"));
        using AdapterFolder adapter = new();
        LoraWeights weights = LoraWeights.Load(adapter.Module(module, 64, 64).Write(), files.Config, files.Bindings);
        Assert.Equal((ParameterRole.Query, 0), (weights.Changes.Single().Target.Role, weights.Changes[0].Target.Layer));
    }

    [SkippableFact]
    public void Merged_HeadOfATiedModel_IsStoredBesideTheTable()
    {
        string source = Golden.Model("gpt2");
        using AdapterFolder adapter = new();
        using ModelFiles plain = ModelFiles.Open(source);
        int vocabulary = plain.Config.VocabularySize, width = plain.Config.EmbeddingSize;
        float[] head = _random.Normal(vocabulary * width);
        adapter.Targets("c_proj").Set("modules_to_save", new System.Text.Json.Nodes.JsonArray("lm_head"))
            .Module("transformer.h.0.attn.c_proj", width, width).Tensor("lm_head.weight", head, vocabulary, width);
        using TemporaryFolder folder = new();
        ModelConverter.Convert(source, folder.File("merged"), adapter: adapter.Write());
        using ModelFiles merged = ModelFiles.Open(folder.File("merged"));
        Assert.False(merged.Config.TiedEmbeddings);
        Assert.Equal(head, Read(merged, merged.Bindings.Single(b => b.Role == ParameterRole.Head)));
        Assert.Equal(Read(plain, plain.Bindings[0]), Read(merged, merged.Bindings[0]));
    }

    private static float[] Read(ModelFiles files, ParameterBinding binding)
    {
        float[] values = new float[binding.Rows * binding.Columns];
        files.ReadParameter(binding, values);
        return values;
    }
}
