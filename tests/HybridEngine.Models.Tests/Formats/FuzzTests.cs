using System.Diagnostics;
using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Models.Tests;

/// <summary>Flips bytes of, and truncates, every kind of file that a model is opened from. Whatever happens must be a HybridEngineException of one line, cheap in memory; a file that still opens must read to its end.</summary>
public sealed class FuzzTests
{
    private const int Rounds = 250;
    private const long MostAllocated = 64 << 20;

    [Fact]
    public void Safetensors_DamagedAnywhereInItsHeader_OnlyClearErrors() => Fuzz("model.safetensors", headerBytes: 3000, seed: 11);

    [Fact]
    public void Config_Damaged_OnlyClearErrors() => Fuzz("config.json", headerBytes: int.MaxValue, seed: 12);

    [Fact]
    public void NewConfig_Damaged_OnlyClearErrors() => Fuzz("config.json", headerBytes: int.MaxValue, seed: 13, prepare: folder => File.Copy(Path.Combine(folder, "config.v5.json"), Path.Combine(folder, "config.json"), overwrite: true));

    [Fact]
    public void Index_Damaged_OnlyClearErrors() => Fuzz("model.safetensors.index.json", headerBytes: int.MaxValue, seed: 14, prepare: folder =>
    {
        using (ModelFiles model = ModelFiles.Open(folder)) { ModelWriter.Save(folder + "-sharded", model.Bindings, model, ModelSaveOptions.Like(model) with { ShardBytes = 150_000 }); }
        Directory.Delete(folder, recursive: true);
        Directory.Move(folder + "-sharded", folder);
    });

    [Fact]
    public void GenerationConfig_Damaged_OnlyClearErrors() => Fuzz("generation_config.json", headerBytes: int.MaxValue, seed: 15, prepare: folder =>
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"eos_token_id": [2, 7], "temperature": 0.7, "top_k": 40, "top_p": 0.95, "do_sample": true}"""));

    [Fact]
    public void Gguf_DamagedAnywhereInItsHeader_OnlyClearErrors()
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("model.gguf");
        ModelConverter.Convert(Golden.Local("models", "llama"), path, StoredType.Q8_0);
        Fuzz(path, path, headerBytes: 3000, seed: 16);
    }

    [SkippableTheory]
    [InlineData("mixtral", 31)]
    [InlineData("qwen3-moe", 32)]
    [InlineData("gemma3", 33)]
    [InlineData("phi3", 34)]
    [InlineData("llama3-rope-tied", 35)]
    [InlineData("smollm3", 36)]
    [InlineData("bloom", 37)]
    public void Gguf_OfOtherArchitecturesDamaged_OnlyClearErrors(string name, int seed)
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("model.gguf");
        ModelConverter.Convert(Golden.Model(name), path);
        Fuzz(path, path, headerBytes: 3000, seed, rounds: 80);
    }

    [SkippableFact]
    public void Llama2c_DamagedAnywhereInItsHeader_OnlyClearErrors()
    {
        using TemporaryFolder temporary = new();
        string path = temporary.File("stories.bin");
        File.Copy(Golden.Shared("models", "stories260K.bin"), path);
        File.SetAttributes(path, FileAttributes.Normal);
        Fuzz(path, path, headerBytes: 28, seed: 17);
    }

    private static void Fuzz(string file, int headerBytes, int seed, Action<string>? prepare = null)
    {
        using TemporaryFolder temporary = new();
        string folder = temporary.CopyOf(Golden.Local("models", "llama"), "model");
        prepare?.Invoke(folder);
        Fuzz(folder, Path.Combine(folder, file), headerBytes, seed);
    }

    private static void Fuzz(string model, string file, int headerBytes, int seed, int rounds = Rounds)
    {
        byte[] sound = File.ReadAllBytes(file);
        Random random = new(seed);
        Read(model);
        int refused = 0;
        Stopwatch clock = Stopwatch.StartNew();
        for (int round = 0; round < rounds && clock.Elapsed < TimeSpan.FromSeconds(20); round++)
        {
            byte[] damaged = Damage(sound, Math.Min(headerBytes, sound.Length), random);
            File.WriteAllBytes(file, damaged);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Read(model);
            }
            catch (HybridEngineException e)
            {
                refused++;
                Assert.DoesNotContain('\n', e.Message);
                Assert.True(e.Message.Length < 2000, $"seed {seed}, round {round}: a message of {e.Message.Length} characters");
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, round {round}: {e}");
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MostAllocated, $"seed {seed}, round {round}: {allocated} bytes allocated");
        }

        // Some flips are harmless (a digit of an epsilon); most are not.
        Assert.True(refused > rounds / 10, $"only {refused} of {rounds} damaged files were refused");
    }

    private static byte[] Damage(byte[] sound, int headerBytes, Random random)
    {
        if (random.Next(4) == 0) { return sound[..random.Next(sound.Length)]; }
        byte[] damaged = (byte[])sound.Clone();
        for (int flips = 1 + random.Next(4); flips > 0; flips--)
        {
            int at = random.Next(headerBytes);
            damaged[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(damaged[at] ^ 1 << random.Next(8)), _ => (byte)"0129\"{}[]:,-e"[random.Next(13)] };
        }

        return damaged;
    }

    private static void Read(string path)
    {
        using ModelFiles model = ModelFiles.Open(path);
        float[] values = new float[model.Bindings.Max(b => b.Rows * b.Columns)];
        foreach (ParameterBinding b in model.Bindings) { model.ReadParameter(b, values.AsSpan(0, b.Rows * b.Columns)); }
        ModelInspector.Inspect(path);
    }
}
