using System.Text;
using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

public sealed class HostileGgufTests
{
    [Theory]
    [InlineData("GGUX", 3u, 0ul, 0ul, "first bytes 58554747")]
    [InlineData("GGUF", 1u, 0ul, 0ul, "GGUF version 1 is not supported (supported: 2, 3)")]
    [InlineData("GGUF", 0x03000000u, 0ul, 0ul, "(a big-endian file?)")]
    [InlineData("GGUF", 3u, ulong.MaxValue, 0ul, "a tensor count of 18446744073709551615")]
    [InlineData("GGUF", 3u, 0ul, ulong.MaxValue, "a metadata count of 18446744073709551615")]
    [InlineData("GGUF", 3u, 0ul, 1ul, "a string of 18446744073709551615 bytes: found only 0 bytes left at byte 32")]
    public void Open_DamagedStart_SaysWhat(string magic, uint version, ulong tensors, ulong pairs, string expected)
        => AssertRefused(expected, w =>
        {
            w.Write(Encoding.ASCII.GetBytes(magic));
            w.Write(version);
            w.Write(tensors);
            w.Write(pairs);
            w.Write(ulong.MaxValue);
        });

    [Fact]
    public void Open_HugeString_RefusedWithoutAllocating() => AssertRefused("a string of 1099511627776 bytes: found only", w =>
    {
        Start(w, 0, 1);
        w.Write(1ul << 40);
        w.Write(new byte[64]);
    });

    [Theory]
    [InlineData(0u)]
    [InlineData(6u)]
    [InlineData(8u)]
    [InlineData(9u)]
    [InlineData(12u)]
    public void Open_HugeArray_RefusedWithoutAllocating(uint element) => AssertRefused("k, an array of 1000000000 entries: found only", w =>
    {
        Start(w, 0, 1);
        Key(w, "k", 9);
        w.Write(element);
        w.Write(1_000_000_000ul);
        w.Write(new byte[64]);
    });

    [Fact]
    public void Open_ArraysOfArraysOfArrays_RefusedBeforeTheStackEnds() => AssertRefused("arrays nested deeper than 4", w =>
    {
        Start(w, 0, 1);
        Key(w, "k", 9);
        for (int i = 0; i < 10_000; i++)
        {
            w.Write(9u);
            w.Write(1ul);
        }
    });

    [Fact]
    public void Open_UnknownValueType_NamesKeyAndType() => AssertRefused("metadata k: found value type 13", w =>
    {
        Start(w, 0, 1);
        Key(w, "k", 13);
        w.Write(new byte[16]);
    });

    [Fact]
    public void Open_KeyTwice_NamesIt() => AssertRefused("metadata k: found the key twice", w =>
    {
        Start(w, 0, 2);
        for (int i = 0; i < 2; i++)
        {
            Key(w, "k", 4);
            w.Write(1u);
        }
    });

    [Fact]
    public void Open_StringThatIsNotUtf8_NamesTheKey() => AssertRefused("k: found bytes that are not UTF-8", w =>
    {
        Start(w, 0, 1);
        Key(w, "k", 8);
        w.Write(2ul);
        w.Write([0xC3, 0x28]);
        w.Write(new byte[32]);
    });

    [Theory]
    [InlineData(0u)]
    [InlineData(7u)]
    [InlineData(1u << 30)]
    public void Open_UnusableAlignment_SaysSo(uint alignment) => AssertRefused("metadata general.alignment: found", w =>
    {
        Start(w, 0, 1);
        Key(w, "general.alignment", 4);
        w.Write(alignment);
    });

    [Theory]
    [InlineData(5u, 4ul, 0u, 0ul, "tensor t: found 5 dimensions")]
    [InlineData(1u, ulong.MaxValue, 0u, 0ul, "an extent of 18446744073709551615")]
    [InlineData(1u, 1ul << 62, 0u, 0ul, "rows of whole blocks of 1 and an addressable size")]
    [InlineData(1u, 33ul, 8u, 0ul, "found Q8_0 [33], expected rows of whole blocks of 32")]
    [InlineData(1u, 8ul, 99u, 0ul, "tensor t: ggml type 99 is not supported")]
    [InlineData(1u, 8ul, 0u, 8ul, "found offset 8, expected a multiple of the alignment 32")]
    [InlineData(1u, 1000ul, 0u, 0ul, "found 4000 bytes at data offset 0, expected data inside the file")]
    [InlineData(1u, 8ul, 0u, 0xFFFFFFFFFFFFFFE0ul, "expected data inside the file")]
    public void Open_DamagedTensor_NamesIt(uint rank, ulong extent, uint type, ulong offset, string expected) => AssertRefused(expected, w =>
    {
        Start(w, 1, 0);
        Text(w, "t");
        w.Write(rank);
        for (uint i = 0; i < rank; i++) { w.Write(extent); }
        w.Write(type);
        w.Write(offset);
        w.Write(new byte[256]);
    });

    [Fact]
    public void Open_OverlappingTensors_NamesBoth() => AssertRefused("tensor b: found data that overlaps tensor a", w =>
    {
        Start(w, 2, 0);
        foreach (string name in new[] { "a", "b" })
        {
            Text(w, name);
            w.Write(1u);
            w.Write(16ul);
            w.Write(0u);
            w.Write(name == "a" ? 0ul : 32ul);
        }

        w.Write(new byte[512]);
    });

    [Fact]
    public void Open_BigEndianFloatAsCount_SaysTheKeysType()
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        GgufMetadata metadata = new(path) { ["general.architecture"] = "llama", ["llama.embedding_length"] = "wide" };
        GgufWriter.Write(path, metadata, [new TensorToWrite("token_embd.weight", DType.Float32, [4, 4], _ => { })]);

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => ModelFiles.Open(path).Dispose());

        Assert.Equal($"{path}: metadata llama.embedding_length: found String wide, expected an integer of 32 bits", error.Message);
    }

    [Theory]
    [InlineData("olmo2", "attention.sliding_window", 4096f)]
    [InlineData("llama", "attention.scale", 0.02f)]
    [InlineData("qwen3", "final_logit_softcapping", 30f)]
    [InlineData("qwen2", "expert_count", 8f)]
    [InlineData("gemma2", "rope.freq_base_swa", 5000f)]
    public void Open_KeyThatTheArchitectureDoesNotHave_RefusedByName(string architecture, string key, float value)
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        GgufMetadata metadata = new(path) { ["general.architecture"] = architecture, [$"{architecture}.{key}"] = value };
        GgufWriter.Write(path, metadata, [new TensorToWrite("token_embd.weight", DType.Float32, [4, 4], _ => { })]);

        UnsupportedException error = Assert.Throws<UnsupportedException>(() => ModelFiles.Open(path).Dispose());

        Assert.Contains($"{architecture}.{key} = ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OnePartOfASplitModel_SaysSo()
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        GgufMetadata metadata = new(path) { ["general.architecture"] = "llama", ["split.count"] = (ushort)3, ["split.no"] = (ushort)0 };
        GgufWriter.Write(path, metadata, [new TensorToWrite("token_embd.weight", DType.Float32, [4, 4], _ => { })]);

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => ModelFiles.Open(path).Dispose());

        Assert.Contains("one of 3 parts of a model", error.Message, StringComparison.Ordinal);
    }

    private static void AssertRefused(string expected, Action<BinaryWriter> write)
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.gguf");
        using (BinaryWriter writer = new(File.Create(path))) { write(writer); }
        long before = GC.GetAllocatedBytesForCurrentThread();

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => GgufFile.Open(path).Dispose());

        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 << 20, "allocates by a length field");
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static void Start(BinaryWriter w, ulong tensors, ulong pairs)
    {
        w.Write(GgufFile.Magic);
        w.Write(3u);
        w.Write(tensors);
        w.Write(pairs);
    }

    private static void Key(BinaryWriter w, string key, uint type)
    {
        Text(w, key);
        w.Write(type);
    }

    private static void Text(BinaryWriter w, string text)
    {
        w.Write((ulong)text.Length);
        w.Write(Encoding.ASCII.GetBytes(text));
    }
}
