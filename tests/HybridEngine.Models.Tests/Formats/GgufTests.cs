using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

public sealed class GgufTests
{
    [SkippableFact]
    public void Open_SmolLM2_ConfigurationAsPublished()
    {
        using ModelFiles model = ModelFiles.Open(Golden.Shared("models", "SmolLM2-135M-Instruct.Q4_1.gguf"));
        DecoderConfig c = model.Config;

        Assert.Equal(("llama", 49152, 576, 30, 9, 3, 64, 1536, 8192), (c.Family, c.VocabularySize, c.HiddenSize, c.Layers, c.QueryHeads, c.KeyHeads, c.HeadSize, c.IntermediateSize, c.MaxPositions));
        Assert.True(c.TiedEmbeddings);
        Assert.Equal(1e-5f, c.Norm.Epsilon);
        Assert.Equal(Math.Pow(100000, -2.0 / 64), c.Rotary!.InverseFrequencies[1], 1e-15);
        Assert.Equal([2], c.EosTokenIds);
        Assert.Equal(StoredType.Q4_1, model.WeightType);
        Assert.Contains("<|im_start|>", model.ChatTemplate, StringComparison.Ordinal);
        Assert.Equal(49152, model.Gguf!.Texts("tokenizer.ggml.tokens")!.Length);
    }

    [Fact]
    public void Open_LlamaQueryRows_ReadBackIntoHalves()
    {
        // 2 heads of 4 rows: row r of the interleaved file holds 100 * r; halves order wants rows 0 2 1 3 of each head.
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        GgufWriter.Write(path, new GgufMetadata(path), [new TensorToWrite("w", DType.Float32, [8, 3], v => { for (int i = 0; i < v.Length; i++) { v[i] = i / 3 * 100 + i % 3; } })]);
        using GgufFile file = GgufFile.Open(path);
        float[] values = new float[24];
        new ParameterLocation(file.Tensors["w"], new ParameterBinding(ParameterRole.Query, 0, false, "w", 8, 3, FusedRows: 8), InterleavedHeads: 2).Read(values);

        Assert.Equal([0f, 200, 100, 300, 400, 600, 500, 700], values.Where((_, i) => i % 3 == 0));
    }

    [Fact]
    public void Write_AllMetadataTypes_ReadBackEqual()
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        GgufMetadata metadata = new(path)
        {
            ["a.u8"] = (byte)200, ["a.i8"] = (sbyte)-7, ["a.u16"] = (ushort)60000, ["a.i16"] = (short)-300, ["a.u32"] = 4_000_000_000u, ["a.i32"] = -5, ["a.f32"] = 1.5f, ["a.bool"] = true,
            ["a.string"] = "żółć\0x", ["a.u64"] = ulong.MaxValue, ["a.i64"] = long.MinValue, ["a.f64"] = Math.PI, ["a.strings"] = new[] { "", "b" }, ["a.none"] = Array.Empty<string>(),
            ["a.floats"] = new[] { 1f, float.NaN }, ["a.bools"] = new[] { true, false }, ["general.alignment"] = 64u,
        };
        GgufWriter.Write(path, metadata, [new TensorToWrite("t", DType.Q8_0, [2, 32], v => v.AsSpan().Fill(127)), new TensorToWrite("u", DType.Float32, [3], v => v[2] = 9)]);

        using GgufFile file = GgufFile.Open(path);

        Assert.Equal(metadata.ToDictionary(), file.Metadata.ToDictionary());
        Assert.Equal(64, file.Alignment);
        Assert.All(file.Tensors.Values, t => Assert.Equal(0, t.Offset % 64));
        Assert.All(file.Tensors["t"].ToArray(), v => Assert.Equal(127f, v));
        Assert.Equal([0f, 0, 9], file.Tensors["u"].ToArray());
    }

    [Fact]
    public void Read_UnsupportedType_NamesTensorAndType()
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        GgufWriter.Write(path, new GgufMetadata(path), [new TensorToWrite("blk.0.ffn_up.weight", DType.Q8_0, [1, 256], v => v[0] = 1)]);
        byte[] bytes = File.ReadAllBytes(path);
        // The type number stands after name, rank and two extents; IQ3_S has fewer bytes, so the file stays sound.
        int at = 24 + 8 + "blk.0.ffn_up.weight".Length + 4 + 16;
        Assert.Equal(8, bytes[at]);
        bytes[at] = 21;
        File.WriteAllBytes(path, bytes);

        using GgufFile file = GgufFile.Open(path);
        UnsupportedException error = Assert.Throws<UnsupportedException>(() => file.Tensors.Values.Single().ToArray());

        Assert.Contains("element type IQ3_S of tensor blk.0.ffn_up.weight", error.Message, StringComparison.Ordinal);
    }
}
