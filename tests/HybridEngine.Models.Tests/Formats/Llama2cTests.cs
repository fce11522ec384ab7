using System.Runtime.InteropServices;
using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

public sealed class Llama2cTests
{
    [SkippableFact]
    public void Open_Stories260K_ParametersAreTheFilesValuesInOrder()
    {
        string path = Golden.Shared("models", "stories260K.bin");
        float[] raw = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path)).ToArray();
        const int Header = 7, Embedding = 512 * 64, AttentionNorms = 5 * 64;
        using ModelFiles model = ModelFiles.Open(path);

        Assert.Equal((64, 172, 5, 8, 4, 8, 512, 512), (model.Config.HiddenSize, model.Config.IntermediateSize, model.Config.Layers, model.Config.QueryHeads, model.Config.KeyHeads, model.Config.HeadSize, model.Config.VocabularySize, model.Config.MaxPositions));
        Assert.Equal(raw[Header..(Header + Embedding)], ModelFilesTests.Read(model, ModelFilesTests.Find(model, ParameterRole.Embedding, -1, bias: false)));
        // Query rows of head 0 in halves order are the file's rows 0 2 4 6 1 3 5 7.
        float[] query = ModelFilesTests.Read(model, ModelFilesTests.Find(model, ParameterRole.Query, 0, bias: false));
        int start = Header + Embedding + AttentionNorms;
        int[] order = [0, 2, 4, 6, 1, 3, 5, 7];
        for (int r = 0; r < 8; r++) { Assert.Equal(raw[(start + order[r] * 64)..(start + order[r] * 64 + 64)], query[(r * 64)..(r * 64 + 64)]); }
    }

    [SkippableFact]
    public void Save_Stories260K_FolderHasTheSameParametersAndATokenizer()
    {
        using TemporaryFolder temporary = new();
        using ModelFiles model = ModelFiles.Open(Golden.Shared("models", "stories260K.bin"));
        string folder = temporary.File("stories");
        ModelWriter.Save(folder, model.Bindings, model, ModelSaveOptions.Like(model));

        using ModelFiles copy = ModelFiles.Open(folder);
        foreach (ParameterBinding b in model.Bindings) { Assert.Equal(ModelFilesTests.Read(model, b), ModelFilesTests.Read(copy, b)); }
        Assert.Equal([1, 2], copy.Config.EosTokenIds);
        int[] ids = copy.LoadTokenizer()!.Encode("Once upon a time, there was a little girl.");
        Assert.Equal(model.LoadTokenizer()!.Encode("Once upon a time, there was a little girl."), ids);
        Assert.Equal([1, 403, 407, 261, 378], ids[..5]);
    }

    [SkippableTheory]
    [InlineData(0, 63, "dim 63")]
    [InlineData(2, -1, "layers -1")]
    [InlineData(5, int.MinValue, "vocabulary -2147483648")]
    [InlineData(1, 173, "by its header (truncated, or not a llama2.c file)")]
    [InlineData(0, 0x616b3432, "llama2.c export version 172 is not supported")]
    public void Open_DamagedHeader_SaysWhat(int field, int value, string expected)
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.bin");
        byte[] bytes = File.ReadAllBytes(Golden.Shared("models", "stories260K.bin"));
        BitConverter.TryWriteBytes(bytes.AsSpan(4 * field), value);
        File.WriteAllBytes(path, bytes);

        Assert.Contains(expected, Assert.ThrowsAny<HybridEngineException>(() => ModelFiles.Open(path).Dispose()).Message, StringComparison.Ordinal);
    }
}
