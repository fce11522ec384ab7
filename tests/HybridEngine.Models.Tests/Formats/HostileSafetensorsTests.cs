using System.Text;
using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

public sealed class HostileSafetensorsTests
{
    private const string Two = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""";

    [Fact]
    public void Open_TwoTensors_ReadsBoth()
    {
        using TemporaryFolder temporary = new();
        using SafetensorsFile file = SafetensorsFile.Open(Write(temporary, Two, 16));
        Assert.Equal([0f, 0], file["a"].ToArray());
        Assert.Equal(2, file.Tensors.Count);
    }

    [Theory]
    [InlineData(Two, 15, "tensor b: found data up to byte 16, expected at most 15, which is all that the file holds (truncated?)")]
    [InlineData(Two, 17, "found 1 bytes after the last tensor, expected none")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "tensor b: found data that overlaps tensor a")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "found data that overlaps tensor a")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "tensor a: found a gap of 4 bytes after the header")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "data_offsets: found [8, 0], expected [begin, end]")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "tensor a: found 8 bytes, expected 12 bytes for F32 [3]")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "expected an addressable number of bytes for F32 [4294967296, 4294967296]")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,8]}}""", 8, "expected an addressable number of bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "shape: found -2, expected an integer of at least 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}""", 8, "shape: found 1.5")]
    [InlineData("""{"a":{"dtype":"F32","shape":"x","data_offsets":[0,8]}}""", 8, "shape: found a JSON string, expected an array of integers")]
    [InlineData("""{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", 8, "tensor a: dtype F33 is not supported")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, "tensor a: found an incomplete entry")]
    [InlineData("""{"a":7}""", 8, "tensor a: found an incomplete entry")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "header: found invalid JSON")]
    [InlineData("""{"__metadata__":{"x":3}}""", 0, "__metadata__.x: found a JSON number, expected a string")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "header: found invalid JSON")]
    [InlineData("""[]""", 0, "found a header that does not begin with '{'")]
    [InlineData("""{"a":{"dtype":"F32",""", 0, "header: found invalid JSON")]
    [InlineData("", 0, "found a header that does not begin with '{'")]
    public void Open_DamagedHeader_SaysWhere(string header, int dataBytes, string expected)
    {
        using TemporaryFolder temporary = new();
        string path = Write(temporary, header, dataBytes);

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => SafetensorsFile.Open(path).Dispose());

        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData(ulong.MaxValue, "a header length of 18446744073709551615 bytes, expected at most 100000000")]
    [InlineData(100_000_001ul, "a header length of 100000001 bytes")]
    [InlineData(99_999_999ul, "expected a header of 99999999 bytes after the first 8 (the file is truncated)")]
    public void Open_HugeHeaderLength_RefusedWithoutAllocating(ulong length, string expected)
    {
        using TemporaryFolder temporary = new();
        string path = Write(temporary, Two, 16);
        byte[] bytes = File.ReadAllBytes(path);
        BitConverter.TryWriteBytes(bytes, length);
        File.WriteAllBytes(path, bytes);

        long before = GC.GetAllocatedBytesForCurrentThread();
        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => SafetensorsFile.Open(path).Dispose());

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    public void Open_NotUtf8_SaysSo()
    {
        using TemporaryFolder temporary = new();
        string path = Write(temporary, Two.Replace("\"b\"", "\"?\""), 16);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[Array.IndexOf(bytes, (byte)'?')] = 0xFF;
        File.WriteAllBytes(path, bytes);

        Assert.Contains("found bytes that are not UTF-8", Assert.ThrowsAny<HybridEngineException>(() => SafetensorsFile.Open(path).Dispose()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FileCutAfterOpening_ErrorAndNoCrash()
    {
        using TemporaryFolder temporary = new();
        string path = Write(temporary, """{"a":{"dtype":"F32","shape":[100000],"data_offsets":[0,400000]}}""", 400_000);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        // Another program does not heed our lock: cut the file as it would, through a shell.
        using (System.Diagnostics.Process cut = System.Diagnostics.Process.Start("truncate", ["-s", "4096", path])) { cut.WaitForExit(); }

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => file["a"].ToArray());

        Assert.Contains("found 4096 bytes while it is being read", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AfterDispose_IsAnErrorAndNoCrash()
    {
        using TemporaryFolder temporary = new();
        SafetensorsFile file = SafetensorsFile.Open(Write(temporary, Two, 16));
        StoredTensor tensor = file["a"];
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => tensor.ToArray());
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"model.safetensors.index.json"}}""", "expected the name of a .safetensors file in the same folder")]
    [InlineData("""{"weight_map":{"a":"../x.safetensors"}}""", "expected the name of a .safetensors file in the same folder")]
    [InlineData("""{"weight_map":{"a":7}}""", "found 7, expected the name of")]
    [InlineData("""{"weight_map":{"a":"absent.safetensors"}}""", "absent.safetensors: cannot be read")]
    [InlineData("""{"weight_map":{"a":"x.safetensors","c":"x.safetensors"}}""", "c: found no such tensor in x.safetensors")]
    [InlineData("""{"weight_map":{"a":"x.safetensors"}}""", "found tensor b, which the index does not name")]
    [InlineData("""{"weight_map":{"a":"x.safetensors","b":"y.safetensors"}}""", "holds too, expected every tensor once")]
    [InlineData("""{}""", "found no weight_map")]
    [InlineData("""{"weight_map":{"a":"x.safetensors","a":"x.safetensors"}}""", "found invalid JSON")]
    public void OpenFolder_DamagedIndex_SaysWhere(string index, string expected)
    {
        using TemporaryFolder temporary = new();
        File.Move(Write(temporary, Two, 16), temporary.File("x.safetensors"));
        File.Copy(temporary.File("x.safetensors"), temporary.File("y.safetensors"));
        File.WriteAllText(temporary.File("model.safetensors.index.json"), index);

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => SafetensorsFolder.Open(temporary.Path).Dispose());

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadConfig_FileBeyondTheLimit_RefusedUnread()
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("config.json");
        using (FileStream stream = File.Create(path)) { stream.SetLength(JsonInput.SmallFileLimit + 1); }

        Assert.Contains("expected at most 16777216 bytes of JSON", Assert.ThrowsAny<HybridEngineException>(() => ModelFamilies.ReadConfigFile(path)).Message, StringComparison.Ordinal);
    }

    private static string Write(TemporaryFolder temporary, string header, int dataBytes)
    {
        string path = temporary.File("file.safetensors");
        byte[] json = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)json.Length), .. json, .. new byte[dataBytes]]);
        return path;
    }
}
