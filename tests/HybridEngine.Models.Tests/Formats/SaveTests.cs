using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

public sealed class SaveTests
{
    public static TheoryData<string> Names => [.. Golden.Models];

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void Save_LoadedModel_WeightsEqualTransformersFileByteForByte(string name)
    {
        string folder = Golden.Model(name);
        using TemporaryFolder temporary = new();
        string copy = temporary.File("copy"), second = temporary.File("second");
        using (ModelFiles model = ModelFiles.Open(folder)) { ModelWriter.Save(copy, model.Bindings, model, ModelSaveOptions.Like(model)); }
        using (ModelFiles model = ModelFiles.Open(copy)) { ModelWriter.Save(second, model.Bindings, model, ModelSaveOptions.Like(model)); }

        Assert.Equal(File.ReadAllBytes(Path.Combine(folder, "model.safetensors")), File.ReadAllBytes(Path.Combine(copy, "model.safetensors")));
        Assert.Equal(Contents(copy), Contents(second));
    }

    [Theory]
    [InlineData(DType.BFloat16)]
    [InlineData(DType.Float16)]
    public void Save_HalfPrecision_RoundedOnceAndNamedInTheConfiguration(DType dtype)
    {
        using TemporaryFolder temporary = new();
        string copy = temporary.File("half");
        using ModelFiles model = ModelFiles.Open(Golden.Local("models", "gpt2"));
        ModelWriter.Save(copy, model.Bindings, model, ModelSaveOptions.Like(model) with { DType = dtype });
        using ModelFiles half = ModelFiles.Open(copy);

        Assert.Equal(StoredType.Of(dtype), half.WeightType);
        Assert.Contains(dtype == DType.BFloat16 ? "\"torch_dtype\": \"bfloat16\"" : "\"torch_dtype\": \"float16\"", File.ReadAllText(Path.Combine(copy, "config.json")), StringComparison.Ordinal);
        foreach (ParameterBinding b in model.Bindings)
        {
            float[] expected = ModelFilesTests.Read(model, b), actual = ModelFilesTests.Read(half, b);
            for (int i = 0; i < expected.Length; i++)
            {
                float bound = Math.Abs(expected[i]) * (dtype == DType.BFloat16 ? 1f / 256 : 1f / 2048) + 1e-7f;
                Assert.True(Math.Abs(expected[i] - actual[i]) <= bound, $"{b.TensorName}[{i}]: {actual[i]}, expected {expected[i]}");
            }
        }
    }

    [Fact]
    public void Save_SmallShards_IndexAndShardsReadBackEqual()
    {
        using TemporaryFolder temporary = new();
        string copy = temporary.File("sharded");
        using ModelFiles model = ModelFiles.Open(Golden.Local("models", "opt"));
        ModelWriter.Save(copy, model.Bindings, model, ModelSaveOptions.Like(model) with { ShardBytes = 100_000 });
        using ModelFiles sharded = ModelFiles.Open(copy);

        Assert.True(Directory.GetFiles(copy, "model-*-of-*.safetensors").Length > 2);
        foreach (ParameterBinding b in model.Bindings) { Assert.Equal(ModelFilesTests.Read(model, b), ModelFilesTests.Read(sharded, b)); }
    }

    [Fact]
    public void Save_OverTheFolderItReadsFrom_KeepsWorking()
    {
        using TemporaryFolder temporary = new();
        string folder = ModelOnly(temporary);
        byte[] before = File.ReadAllBytes(Path.Combine(folder, "model.safetensors"));
        using (ModelFiles model = ModelFiles.Open(folder)) { ModelWriter.Save(folder, model.Bindings, model, ModelSaveOptions.Like(model)); }

        Assert.Equal(before, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        Assert.Equal([folder], Directory.GetDirectories(temporary.Path));
    }

    [Fact]
    public void Save_DiskFullInTheMiddle_OneClearErrorAndTheOldFolderStays()
    {
        using TemporaryFolder temporary = new();
        string folder = ModelOnly(temporary);
        SortedDictionary<string, string> before = Contents(folder);
        using ModelFiles model = ModelFiles.Open(folder);
        TensorToWrite full = new("score.weight", DType.Float32, [1, 64], _ => throw new IOException("No space left on device"));

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() =>
            ModelWriter.Save(folder, model.Bindings, model, ModelSaveOptions.Like(model) with { ExtraTensors = [full] }));

        Assert.Contains("cannot be written: No space left on device", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Contents(folder));
        Assert.Equal([folder], Directory.GetDirectories(temporary.Path));
    }

    [Fact]
    public void AtomicFile_WriteFails_OldFileStaysAndNothingIsLeft()
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.json");
        AtomicFile.WriteText(path, "old");

        HybridEngineException error = Assert.ThrowsAny<HybridEngineException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write(new byte[100]);
            throw new IOException("No space left on device");
        }));

        Assert.Equal($"{path}: cannot be written: No space left on device; the file that was there is unchanged", error.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(temporary.Path));
    }

    [Fact]
    public void AtomicFile_TwoWriters_SecondIsRefused()
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("x.json");

        AtomicFile.Write(path, stream =>
        {
            Assert.ThrowsAny<HybridEngineException>(() => AtomicFile.WriteText(path, "second"));
            stream.Write("first"u8);
        });

        Assert.Equal("first", File.ReadAllText(path));
    }

    [Fact]
    public void AtomicFolder_KilledBetweenItsTwoSteps_NextOpenFindsTheOldModel()
    {
        using TemporaryFolder temporary = new();
        string folder = temporary.File("model");
        temporary.CopyOf(Golden.Local("models", "llama"), "model.old");
        Directory.CreateDirectory(temporary.File("model.tmp"));
        File.WriteAllText(temporary.File("model.tmp/half"), "left by a killed process");

        using ModelFiles model = ModelFiles.Open(folder);

        Assert.Equal("llama", model.Config.Family);
        Assert.False(Directory.Exists(temporary.File("model.old")));
    }

    [Fact]
    public void Save_FolderWithOtherFiles_RefusedAndUntouched()
    {
        using TemporaryFolder temporary = new();
        File.WriteAllText(temporary.File("thesis.txt"), "years of work");
        using ModelFiles model = ModelFiles.Open(Golden.Local("models", "llama"));

        InvalidInputException error = Assert.Throws<InvalidInputException>(() => ModelWriter.Save(temporary.Path, model.Bindings, model, ModelSaveOptions.Like(model)));

        Assert.Contains("found thesis.txt in it", error.Message, StringComparison.Ordinal);
        Assert.Equal("years of work", File.ReadAllText(temporary.File("thesis.txt")));
    }

    [Fact]
    public void AtomicFolder_TwoWriters_SecondIsRefusedAndTheFirstCompletes()
    {
        using TemporaryFolder temporary = new();
        string folder = temporary.File("model");
        Directory.CreateDirectory(folder + ".tmp");
        File.WriteAllText(folder + ".tmp/half", "left by a killed process");

        AtomicFolder.Write(folder, target =>
        {
            File.WriteAllText(Path.Combine(target, "a"), "first");
            Assert.ThrowsAny<HybridEngineException>(() => AtomicFolder.Write(folder, _ => { }));
        });

        Assert.Equal(["a"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName));
        Assert.Equal([folder], Directory.GetFileSystemEntries(temporary.Path));
    }

    [Fact]
    public void Open_ScalarHeadInPlaceOfTheVocabularys_BodyAndHeadAreReadable()
    {
        using TemporaryFolder temporary = new();
        string folder = temporary.File("reward");
        using ModelFiles model = ModelFiles.Open(Golden.Local("models", "llama"));
        TensorToWrite head = new("score.weight", DType.Float32, [1, 64], v => { for (int i = 0; i < 64; i++) { v[i] = i; } });
        ModelWriter.Save(folder, [.. model.Bindings.Where(b => b.Role != ParameterRole.Head)], model, ModelSaveOptions.Like(model) with { ExtraTensors = [head] });

        using ModelFiles reward = ModelFiles.Open(folder);
        float[] values = new float[64];
        reward.ReadTensor("score.weight", values);

        Assert.DoesNotContain(reward.Bindings, b => b.Role == ParameterRole.Head);
        Assert.Equal(63f, values[63]);
    }

    // The recorded model without the records, which no saved model holds.
    private static string ModelOnly(TemporaryFolder temporary)
    {
        string folder = temporary.CopyOf(Golden.Local("models", "llama"), "model");
        foreach (string extra in new[] { "config.v5.json", "expected.json", "expected.safetensors" }) { File.Delete(Path.Combine(folder, extra)); }
        return folder;
    }

    private static SortedDictionary<string, string> Contents(string folder)
        => new(Directory.GetFiles(folder).ToDictionary(f => Path.GetFileName(f), f => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(f)))));
}
